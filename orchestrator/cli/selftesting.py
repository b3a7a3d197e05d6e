"""Running a self-test: services of its own, one comparison after the other, results kept."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

import anyio

from comparison import BackendClient
from orchestrator import apphost
from orchestrator.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    OrchestratorError,
    UsageError,
)
from orchestrator.processes import stop_signals, watch_by_descriptor
from orchestrator.surroundings import Settings, load

from .comparing import LABELS, backend_clients, new_run
from .live import span
from .own_services import own_services
from .trials import (
    Result,
    SelfTest,
    Trial,
    append_state,
    delay_for,
    read_state,
    request_for,
    result_of,
    summary,
    trials,
)

STATE_NAME = "selftest.jsonl"


class TrialFailed(OrchestratorError):
    """A comparison of the self-test did not come to its end."""


def self_test(
    test: SelfTest, urls: Mapping[str, str | None], *, state: Path | None, as_json: bool
) -> int:
    """Run what is left of a self-test, print its summary and return the exit code.

    With `urls` the backends there are used, else ones of its own. Raises OrchestratorError.
    """
    settings = load()
    given = {name: url for name, url in urls.items() if url is not None}
    path = state or settings.data_dir / STATE_NAME
    runner = _Runner(test, path, list(given or LABELS))
    if runner.results:
        _tell(f"{len(runner.results)} results were read from {path}")
    if runner.left:
        watch_by_descriptor()
        anyio.run(runner.run, given, settings)
    found = summary(test, runner.results)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write(_sentence(found) + "\n")
    if runner.interrupted:
        _tell(f"interrupted; the same command goes on from {path}")
        return EXIT_INTERRUPTED
    return EXIT_OK if found["passed"] else EXIT_FAILED


class _Runner:
    def __init__(self, test: SelfTest, path: Path, backends: list[str]) -> None:
        self.results = read_state(path, test)
        self.interrupted = False
        self._test = test
        self._path = path
        done = {(result.kind, result.number, result.backend) for result in self.results}
        wanted = trials(test, backends)
        self.left = [t for t in wanted if (t.kind, t.number, t.backend) not in done]
        numbers = {(t.kind, t.number, t.backend) for t in wanted}
        if not done <= numbers:
            raise UsageError(f"{path} belongs to a self-test with other options")

    async def run(self, given: Mapping[str, str], settings: Settings) -> None:
        async with (
            _services(self._test, given, settings) as (addresses, endpoint),
            backend_clients(addresses) as backends,
            stop_signals() as signals,
        ):
            failure: OrchestratorError | None = None
            async with anyio.create_task_group() as group:
                group.start_soon(self._stop_at_signal, signals, group.cancel_scope)
                try:
                    await self._run_all(backends, endpoint)
                except OrchestratorError as error:  # the task group would wrap it
                    failure = error
                group.cancel_scope.cancel()
            if failure is not None:
                raise failure

    async def _run_all(self, backends: list[BackendClient], endpoint: str | None) -> None:
        for position, trial in enumerate(self.left):
            result = await self._compare(trial, backends, endpoint)
            self.results.append(result)
            append_state(self._path, result)
            self._show(result, to_come=len(self.left) - position - 1)

    async def _compare(
        self, trial: Trial, backends: list[BackendClient], endpoint: str | None
    ) -> Result:
        delay_ms = delay_for(trial, self._test, self.results)
        started = monotonic()
        run = new_run(
            request_for(trial, self._test, endpoint=endpoint, delay_ms=delay_ms), backends
        )
        await run.run()
        report = run.report
        if report.status != "Completed":
            raise TrialFailed(f"comparison {trial.number + 1}: {report.message}")
        return result_of(
            trial, self._test, report, delay_ms=delay_ms, seconds=monotonic() - started
        )

    async def _stop_at_signal(
        self, signals: AsyncIterator[object], scope: anyio.CancelScope
    ) -> None:
        async for _ in signals:
            self.interrupted = True
            scope.cancel()

    def _show(self, result: Result, *, to_come: int) -> None:
        typical_s = median(one.seconds for one in self.results)
        so_far = summary(self._test, self.results)
        what = "the same" if result.kind == "same" else f"+{self._test.delay_percent:g} %"
        ratio = "" if result.ratio is None else f" (ratio {result.ratio:.3f})"
        _tell(
            f"{LABELS[result.backend]} {what} {result.number + 1}/{self._test.comparisons}: "
            f"{result.verdict}{ratio} in {span(round(result.seconds * 1e3))}; false alarms "
            f"{so_far['falseAlarms']} of {so_far['same']}, detected {so_far['detected']} of "
            f"{so_far['delayed']}; {span(round(typical_s * to_come * 1e3))} left"
        )


@asynccontextmanager
async def _services(
    test: SelfTest, given: Mapping[str, str], settings: Settings
) -> AsyncIterator[tuple[Mapping[str, str], str | None]]:
    """Yield the backends' addresses and the model server that they are to use."""
    if given:
        yield given, None
        return
    simulator = {
        "PERFCOMPARE_SIMULATOR_LATENCY_MS": f"{test.latency_ms:g}",
        "PERFCOMPARE_SIMULATOR_LOAD_MS": "0",
    }
    with TemporaryDirectory(prefix="perfcompare-selftest-") as directory:
        async with own_services(settings, simulator=simulator, directory=Path(directory)) as urls:
            yield {name: urls[name] for name in LABELS}, urls[apphost.SIMULATOR]


def _sentence(found: Mapping[str, object]) -> str:
    word = "passed" if found["passed"] else "not passed"
    return (
        f"Self-test {word}: {found['falseAlarms']} false alarms in {found['same']} comparisons of "
        f"an agent with itself, {found['detected']} of {found['delayed']} delays detected."
    )


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
