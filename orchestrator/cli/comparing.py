"""Running one comparison from a terminal: backends found, progress shown, Ctrl-C obeyed."""

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import anyio

from comparison import BackendClient, ComparisonRun, check_supported, probe_backend
from orchestrator import lock
from orchestrator.apphost import DOTNET_BACKEND, PYTHON_BACKEND
from orchestrator.errors import (
    EXIT_INTERRUPTED,
    EXIT_INVALID,
    EXIT_OK,
    EXIT_RUN_FAILED,
    ServicesUnreachable,
    UsageError,
)
from orchestrator.processes import stop_signals
from orchestrator.surroundings import Settings, load
from service_defaults.discovery import service_client
from service_defaults.errors import ConfigurationError, ProblemError
from service_defaults.settings import ServiceSettings
from shared_models import ComparisonReport, ComparisonRequest

from .live import LiveProgress
from .report_text import write_report

LABELS = {PYTHON_BACKEND: "Python", DOTNET_BACKEND: ".NET"}
DEFAULTS = {PYTHON_BACKEND: "http://localhost:5001", DOTNET_BACKEND: "http://localhost:5002"}


def compare_and_show(
    request: ComparisonRequest, urls: Mapping[str, str | None], *, as_json: bool
) -> int:
    """Run a comparison, show it and return the exit code.

    `urls` are the addresses that were given. Raises OrchestratorError.
    """
    addresses = addresses_of(urls, load())

    async def main() -> ComparisonReport:
        async with backend_clients(addresses) as backends:
            run = new_run(request, backends)
            await check_backends(run, addresses)
            async with stop_signals() as signals, anyio.create_task_group() as group:
                group.start_soon(_stop_at_signal, signals, run)
                await _run_and_show(run)
                group.cancel_scope.cancel()
            return run.report

    report = anyio.run(main)
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        write_report(report, sys.stdout)
    return exit_code(report)


def addresses_of(given: Mapping[str, str | None], settings: Settings) -> dict[str, str]:
    """Return where each backend is: as given, by the environment, in the running stack, or usual.

    Raises SettingError or UsageError.
    """
    record = lock.read(settings.data_dir) if lock.is_held(settings.data_dir) else None
    running = record.urls if record else {}
    found = {}
    for name, usual in DEFAULTS.items():
        url = given.get(name)
        if url is not None and not url.startswith(("http://", "https://")):
            raise UsageError(f"{url!r} is not an http:// or https:// address")
        found[name] = url or settings.address_of(name) or running.get(name) or usual
    return found


@asynccontextmanager
async def backend_clients(addresses: Mapping[str, str]) -> AsyncIterator[list[BackendClient]]:
    """Yield a client for each backend, in the order of the sides."""
    try:
        key = ServiceSettings.load().api_key
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
    async with service_client(addresses, api_key=key.get_secret_value() if key else None) as http:
        yield [BackendClient(name, label=LABELS[name], http=http) for name in addresses]


def new_run(request: ComparisonRequest, backends: list[BackendClient]) -> ComparisonRun:
    """Return a comparison that has not begun; raises UsageError for what cannot be compared."""
    with _refusals():
        return ComparisonRun(request, backends)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ProblemError as error:
        field = error.errors[0].field if error.errors else ""
        raise UsageError(f"{field}: {error}" if field else str(error)) from error


async def check_backends(run: ComparisonRun, addresses: Mapping[str, str]) -> None:
    """Raise ServicesUnreachable, with what to start, unless every side's backend is well.

    Raises UsageError for what a backend's agent cannot do.
    """
    for name in dict.fromkeys(side.backend.name for side in run.sides):
        backend = next(side.backend for side in run.sides if side.backend.name == name)
        state = await probe_backend(backend, url=addresses[name])
        if state.state == "unreachable":
            option = "--python-url" if name == PYTHON_BACKEND else "--dotnet-url"
            raise ServicesUnreachable(
                f"no {LABELS[name]} backend answers at {addresses[name]}; start everything with "
                f"`perfcompare up`, or say where it is with {option}"
            )
        if state.state == "unhealthy":
            raise ServicesUnreachable(f"the {LABELS[name]} backend cannot run: {state.reason}")
    with _refusals():
        await check_supported(run.sides)


def exit_code(report: ComparisonReport) -> int:
    """Return the exit code of a comparison without a gate."""
    if report.status == "Stopped":
        return EXIT_INTERRUPTED
    if report.status != "Completed":
        return EXIT_RUN_FAILED
    if report.verdict == "invalid":
        return EXIT_INVALID
    without_success = any(not side.success_count for side in report.sides)
    return EXIT_RUN_FAILED if without_success else EXIT_OK


async def _run_and_show(run: ComparisonRun) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(run.run)
        with LiveProgress(sys.stderr) as live:
            async for report in run.reports():
                live.show(report)


async def _stop_at_signal(signals: AsyncIterator[object], run: ComparisonRun) -> None:
    async for _ in signals:
        await run.stop()
