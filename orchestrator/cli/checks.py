"""The checks of `perfcompare doctor`, one function for each subject."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio

from orchestrator import apphost, lock, model_server
from orchestrator.errors import OrchestratorError, PortInUse
from orchestrator.listeners import Listeners
from orchestrator.surroundings import Settings

from .doctor import Check, Checker

if TYPE_CHECKING:
    from backend_dotnet_shim.delivery import AgentBuild

OLDEST_PYTHON = (3, 11)
OLDEST_SDK = 10
SDK_TIMEOUT_S = 10.0
WAL_RESET_FIXED = (3, 51, 3)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def python(_settings: Settings) -> Iterator[Check]:
    """The interpreter is new enough."""
    yield Check(
        name="Python",
        status="pass" if sys.version_info >= OLDEST_PYTHON else "fail",
        detail=f"{platform.python_version()} ({sys.executable})",
        fix="install Python 3.11 or newer and run `make up` again",
    )


def packages(_settings: Settings) -> Iterator[Check]:
    """Our packages can be found, and what they require is installed."""
    modules = [resource.module for resource in apphost.application().resources if resource.module]
    lost = [module for module in modules if find_spec(module) is None]
    wrong = _unmet_requirements()
    yield Check(
        name="packages",
        status="fail" if lost or wrong else "pass",
        detail="; ".join([f"{module} cannot be imported" for module in lost] + wrong)
        or "everything that is required is installed",
        fix="run `make up`, or `pip install -r requirements.lock` and `pip install -e .`",
    )


def _unmet_requirements() -> list[str]:
    from packaging.requirements import Requirement

    try:
        texts = metadata.requires("perfcompare") or []
    except metadata.PackageNotFoundError:
        return ["perfcompare itself is not installed in this environment"]
    unmet = []
    for requirement in map(Requirement, texts):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            unmet.append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            unmet.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    return unmet


def dotnet(_settings: Settings) -> Iterator[Check]:
    """A .NET SDK and an agent to launch."""
    sdk = _newest_sdk()
    usable = sdk is not None and int(sdk.partition(".")[0]) >= OLDEST_SDK
    yield Check(
        name=".NET SDK",
        status="pass" if usable else "warning",
        detail=sdk or "none found: the prebuilt agent is used",
        fix=f"install the .NET SDK {OLDEST_SDK} to build the agent from source",
    )
    yield _agent()
    yield _native_agent()


def _newest_sdk() -> str | None:
    command = shutil.which("dotnet")
    if command is None:
        return None

    async def listed() -> bytes:
        with anyio.fail_after(SDK_TIMEOUT_S):
            return (await anyio.run_process([command, "--list-sdks"])).stdout

    try:
        lines = anyio.run(listed).decode().split("\n")
    except Exception:  # a broken SDK is as good as none
        return None
    versions = [line.split(" ")[0] for line in lines if line[:1].isdigit()]
    return max(versions, key=lambda text: int(text.partition(".")[0]), default=None)


def _agent() -> Check:
    from backend_dotnet_shim import delivery
    from service_defaults.settings import ServiceSettings

    cache_dir = ServiceSettings.load().cache_dir
    outlook = delivery.foresee(cache_dir)
    if outlook.state == "to build":
        return Check(name=".NET agent", status="pass", detail=f"not built yet: {outlook.detail}")
    try:
        return _delivered(delivery.resolve(cache_dir))
    except delivery.AgentUnavailable as error:
        return Check(
            name=".NET agent",
            status="warning",
            detail=f"unavailable: {error}",
            fix=f"install the .NET SDK {OLDEST_SDK}; the Python backend works without it",
        )


def _native_agent() -> Check:
    """Tell what asking for the flavour aot would come to; a build takes too long for here."""
    from backend_dotnet_shim import delivery
    from service_defaults.settings import ServiceSettings

    outlook = delivery.foresee(ServiceSettings.load().cache_dir, "aot")
    return Check(
        name=".NET agent, NativeAOT",
        status="warning" if outlook.state in {"stale", "unavailable"} else "pass",
        detail=f"{outlook.state}: {outlook.detail}",
        fix=f"only the flavour aot needs it: install the .NET SDK {OLDEST_SDK} and clang or gcc",
    )


def _delivered(build: "AgentBuild") -> Check:
    stale = " (stale: built from other source than the one here)" if build.stale else ""
    return Check(
        name=".NET agent",
        status="warning" if build.stale else "pass",
        detail=f"{build.origin}: {build.detail}{stale}",
        fix="remake the prebuilt agents, or install the .NET SDK",
    )


def model(settings: Settings) -> Iterator[Check]:
    """Ollama answers, or the simulator can take its place."""
    resource = apphost.application().resource(apphost.OLLAMA)
    question = model_server.Question(
        name=resource.name,
        port=resource.port,
        configured_url=settings.address_of(resource.name),
        policy=model_server.Simulate.IF_NEEDED,
    )
    install = "install Ollama (https://ollama.com) to measure a real model"
    try:
        choice = anyio.run(model_server.choose, question)
    except OrchestratorError as error:
        yield Check(name="model server", status="fail", detail=str(error), fix=install)
        return
    found = choice.external
    if found is not None and found.unavailable is None:
        yield Check(name="model server", status="pass", detail=f"{found.detail} at {found.url}")
        return
    detail = found.unavailable if found else "no Ollama answers: the simulator will be used"
    yield Check(name="model server", status="warning", detail=str(detail), fix=install)


def ports(settings: Settings) -> Iterator[Check]:
    """The ports of `up` are free, or held by our own stack."""
    record = lock.read(settings.data_dir) if lock.is_held(settings.data_dir) else None
    if record is not None:
        detail = f"in use by the running stack (pid {record.pid})"
        yield Check(name="ports", status="pass", detail=detail)
        return
    taken = []
    services = [
        resource
        for resource in apphost.application().resources
        if resource.module and resource.stands_in_for is None
    ]
    with Listeners() as listeners:
        for resource in services:
            try:
                listeners.bind(resource.name, resource.port)
            except PortInUse as error:
                taken.append(f"{error.port} is in use by {error.owner or 'another process'}")
    yield Check(
        name="ports",
        status="warning" if taken else "pass",
        detail="; ".join(taken) or ", ".join(f"{r.port} free" for r in services),
        fix="stop those processes, or use `up --isolated` or the --port options",
    )


def data_directory(settings: Settings) -> Iterator[Check]:
    """The data directory can be written."""
    directory = settings.data_dir
    probe = directory / f".doctor-{os.getpid()}"
    try:
        lock.prepare(directory)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield Check(
            name="data directory",
            status="fail",
            detail=f"{directory}: {error.strerror}",
            fix="make it writable, or set PERFCOMPARE_DATA_DIR to another one",
        )
        return
    free = shutil.disk_usage(directory).free // 2**20
    yield Check(name="data directory", status="pass", detail=f"{directory} ({free} MiB free)")


def sqlite(_settings: Settings) -> Iterator[Check]:
    """SQLite's version; the flaw of older ones needs two writers, and we have one."""
    note = "" if sqlite3.sqlite_version_info >= WAL_RESET_FIXED else "; one writer, so it is safe"
    yield Check(name="SQLite", status="pass", detail=f"{sqlite3.sqlite_version}{note}")


def browser(_settings: Settings) -> Iterator[Check]:
    """A Chromium for the browser tests."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    yield Check(
        name="Chromium",
        status="pass" if found else "warning",
        detail=found or "none found: the browser tests are skipped",
        fix="install chromium (only the tests need it)",
    )


ALL: tuple[Checker, ...] = (
    python, packages, dotnet, model, ports, data_directory, sqlite, browser,
)  # fmt: skip
