"""Which command starts the .NET agent: built from source where an SDK is, else prebuilt.

`python -m backend_dotnet_shim.delivery` prepares the agent and says which one is used and why.
"""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service_defaults.errors import ConfigurationError
from service_defaults.settings import ServiceSettings

from . import prebuilt
from .agent_source import NAME, PREBUILT_DIR, PROJECT, source_hash, source_hash_at_start
from .dotnet_sdk import find_dotnet, find_sdk, publish
from .errors import AgentUnavailable, ArchiveUnusable, BuildFailed

__all__ = ["AgentBuild", "AgentUnavailable", "is_ready", "resolve"]

_EXIT_CONFIGURATION = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBuild:
    """How to start the agent. `stale`: it was built from other source than the one beside it."""

    command: tuple[str, ...]
    origin: Literal["source", "prebuilt"]
    detail: str
    stale: bool


def resolve(cache_dir: Path, *, prebuilt_dir: Path = PREBUILT_DIR) -> AgentBuild:
    """Return the agent's command, building or unpacking it first if needed.

    A first build takes up to minutes and blocks; call it in a worker thread. Two processes never
    build at once. Raises AgentUnavailable with a reason in one sentence.
    """
    agents_dir = _agents_dir(cache_dir)
    dotnet = find_dotnet()
    if dotnet is None:
        return _prebuilt(agents_dir, prebuilt_dir, why="there is no .NET SDK")
    library = _library(agents_dir, source_hash())
    if library.is_file():
        return _from_source(dotnet, library, "built from source before")
    sdk = find_sdk(dotnet)
    if sdk is None:
        return _prebuilt(agents_dir, prebuilt_dir, why="there is no .NET SDK 10 or newer")
    try:
        with _locked(agents_dir):
            if not library.is_file():
                _build(dotnet, library.parent)
    except BuildFailed as failure:
        return _instead_of_build(agents_dir, prebuilt_dir, failure)
    return _from_source(dotnet, library, f"built from source with SDK {sdk}")


def is_ready(cache_dir: Path, *, prebuilt_dir: Path = PREBUILT_DIR) -> bool:
    """Return whether an agent has been prepared here before. Starts nothing and builds nothing.

    A fraction of a millisecond after the first call in a process.
    """
    agents_dir = _agents_dir(cache_dir)
    if find_dotnet() is not None and _library(agents_dir, source_hash_at_start()).is_file():
        return True
    try:
        archive = prebuilt.choose(prebuilt.read_manifest(prebuilt_dir))
    except ArchiveUnusable:
        return False
    return prebuilt.unpacked_path(archive, agents_dir=agents_dir).is_file()


def _agents_dir(cache_dir: Path) -> Path:
    return cache_dir / "dotnet-agent"


def _library(agents_dir: Path, content_hash: str) -> Path:
    return agents_dir / content_hash[:16] / f"{NAME}.dll"


def _from_source(dotnet: Path, library: Path, detail: str) -> AgentBuild:
    return AgentBuild(
        command=(str(dotnet), str(library)), origin="source", detail=detail, stale=False
    )


def _build(dotnet: Path, target: Path) -> None:
    """Build beside the target and rename, so that a half-built agent is never seen."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as scratch:
        output = Path(scratch) / "out"
        publish(dotnet, PROJECT, output=output, scratch=Path(scratch))
        if not (output / f"{NAME}.dll").is_file():
            raise BuildFailed("the build produced no agent")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(output, target)


def _instead_of_build(agents_dir: Path, prebuilt_dir: Path, failure: BuildFailed) -> AgentBuild:
    try:
        return _prebuilt(agents_dir, prebuilt_dir, why=failure.reason)
    except ArchiveUnusable:
        raise failure from None


def _prebuilt(agents_dir: Path, prebuilt_dir: Path, *, why: str) -> AgentBuild:
    try:
        manifest = prebuilt.read_manifest(prebuilt_dir)
        archive = prebuilt.choose(manifest)
        with _locked(agents_dir):
            executable = prebuilt.unpack(archive, agents_dir=agents_dir, prebuilt_dir=prebuilt_dir)
    except ArchiveUnusable as error:
        raise ArchiveUnusable(f"{why}, and {error.reason}") from error
    return AgentBuild(
        command=(str(executable),),
        origin="prebuilt",
        detail=f"prebuilt for {archive.runtime_identifier}, because {why}",
        stale=manifest.source_hash != source_hash(),
    )


@contextmanager
def _locked(agents_dir: Path) -> Iterator[None]:
    """Hold the lock that only one process at a time has; waits for the other's build."""
    try:
        agents_dir.mkdir(parents=True, exist_ok=True)
        lock = (agents_dir / ".lock").open("w")
    except OSError as error:
        raise AgentUnavailable(f"{agents_dir} is not writable: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _main() -> int:
    try:
        build = resolve(ServiceSettings.load().cache_dir)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_CONFIGURATION
    except AgentUnavailable as error:
        tail = error.output_tail if isinstance(error, BuildFailed) else ""
        sys.stderr.write(f"no .NET agent: {error.reason}\n{tail}")
        return 1
    note = " (stale: the source has changed since)" if build.stale else ""
    sys.stdout.write(f".NET agent: {build.detail}{note}\n{' '.join(build.command)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
