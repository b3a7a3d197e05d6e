"""The .NET SDK as a build tool: finding it and running it without traces in the source tree."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from service_defaults.settings import process_environment

from .errors import AgentUnavailable, BuildFailed

MINIMUM_MAJOR = 10
PUBLISH_TIMEOUT_S = 1_800.0
"""A NativeAOT agent takes 70 s on two idle cores, five minutes on two busy ones."""

_QUERY_TIMEOUT_S = 30.0
_TAIL_LINES = 20
_ENVIRONMENT = {
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_NOLOGO": "1",
    "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
    "DOTNET_GENERATE_ASPNET_CERTIFICATE": "false",
    "DOTNET_CLI_UI_LANGUAGE": "en",
    "MSBUILDDISABLENODEREUSE": "1",
}
# No server may outlive the build, and no file may land beside the source.
_PUBLISH_OPTIONS = (
    "--configuration",
    "Release",
    "--disable-build-servers",
    "-p:UseSharedCompilation=false",
    # Analysis is for developers: a newer SDK has new rules, which must not break an installation.
    "-p:TreatWarningsAsErrors=false",
    "-p:RunAnalyzers=false",
    "-p:NuGetAudit=false",
)

_running: set["subprocess.Popen[str]"] = set()
_ending = threading.Event()


def find_dotnet() -> Path | None:
    """Return the `dotnet` command on PATH, if there is one."""
    found = shutil.which("dotnet")
    return Path(found) if found else None


def find_sdk(dotnet: Path) -> str | None:
    """Return the version of the newest installed SDK that can build the agent, or None."""
    try:
        output = _run([str(dotnet), "--list-sdks"], cwd=Path("/"), timeout_s=_QUERY_TIMEOUT_S)
    except BuildFailed:
        return None
    versions = [line.split(" ", 1)[0] for line in output.splitlines() if line]
    usable = [version for version in versions if _major(version) >= MINIMUM_MAJOR]
    return usable[-1] if usable else None


def has_native_toolchain() -> bool:
    """Return whether the compiler driver and the symbol stripper that NativeAOT calls are here."""
    linkers = ("clang",) if sys.platform == "darwin" else ("clang", "gcc")
    strippers = ("dsymutil",) if sys.platform == "darwin" else ("llvm-objcopy", "objcopy")
    return any(map(shutil.which, linkers)) and any(map(shutil.which, strippers))


def publish(
    dotnet: Path,
    project: Path,
    *,
    output: Path,
    scratch: Path,
    options: tuple[str, ...] = (),
) -> None:
    """Publish `project` into `output`; intermediate files go into `scratch`.

    Takes seconds to minutes and blocks; call it in a worker thread. Raises BuildFailed,
    and AgentUnavailable after `end_builds`.
    """
    command = [str(dotnet), "publish", str(project), *_PUBLISH_OPTIONS, *options]
    command += [f"-p:ArtifactsPath={scratch / 'artifacts'}", "--output", str(output)]
    # Run outside the source tree: its global.json is for developers, a newer SDK will do here.
    _run(command, cwd=scratch, timeout_s=PUBLISH_TIMEOUT_S)


def end_builds() -> None:
    """Kill the SDK where it runs for this process, with all that it started, and start it no more.

    A service that ends would otherwise wait for minutes: its interpreter waits for its threads.
    """
    _ending.set()
    for process in list(_running):
        _kill_tree(process)


def _run(command: list[str], *, cwd: Path, timeout_s: float) -> str:
    environment = {**process_environment(), **_ENVIRONMENT}
    if not os.access(environment.get("HOME", ""), os.W_OK):
        environment["DOTNET_CLI_HOME"] = str(cwd)
    _check_not_ending()
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise BuildFailed(f"dotnet cannot be started: {error.strerror}") from error
    _running.add(process)
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"dotnet did not end within {timeout_s:.0f} s") from error
    finally:
        if process.poll() is None:
            _kill_tree(process)
            process.communicate()
        _running.discard(process)
    _check_not_ending()
    if process.returncode != 0:
        raise BuildFailed(_cause(output), output_tail=_tail(output))
    return output


def _check_not_ending() -> None:
    if _ending.is_set():  # no failed build, for which there may be something instead
        raise AgentUnavailable("this service is ending")


def _kill_tree(process: "subprocess.Popen[str]") -> None:
    """Kill a process and its descendants, which would hold its output open."""
    with suppress(psutil.NoSuchProcess):
        for descendant in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                descendant.kill()
    process.kill()


def _cause(output: str) -> str:
    """Return the first error that the build printed, without the project it names at the end."""
    for line in output.splitlines():
        if ": error " in line:
            return "the build failed: " + line.split(": error ", 1)[1].split(" [", 1)[0].strip()
    return "the build failed"


def _tail(output: str) -> str:
    return "\n".join(output.splitlines()[-_TAIL_LINES:])


def _major(version: str) -> int:
    head = version.split(".", 1)[0]
    return int(head) if head.isdigit() else 0
