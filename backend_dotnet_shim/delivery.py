"""Which command starts the .NET agent: built from source or prebuilt.

The JIT agent is built wherever an SDK is, since that is what .NET users run. The NativeAOT agent
takes minutes and a native toolchain, so that an archive of the same source is preferred.

`python -m backend_dotnet_shim.delivery` prepares the agent and says which one is used and why.
"""

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service_defaults.errors import ConfigurationError
from service_defaults.settings import ServiceSettings
from shared_models.configuration import Flavour

from . import prebuilt
from .agent_cache import UNFINISHED, locked, mark_used, remove_old
from .agent_source import PREBUILT_DIR, PROJECT, source_hash, source_hash_at_start
from .compilation import COMPILATIONS, Compilation, compilation_of
from .dotnet_sdk import find_dotnet, find_sdk, has_native_toolchain, publish
from .errors import AgentUnavailable, ArchiveUnusable, BuildFailed, ToolsMissing
from .prebuilt import Archive

__all__ = ["AgentBuild", "AgentUnavailable", "Outlook", "foresee", "resolve"]

_EXIT_CONFIGURATION = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBuild:
    """How to start the agent. `stale`: it was built from other source than the one beside it."""

    command: tuple[str, ...]
    origin: Literal["source", "prebuilt"]
    detail: str
    stale: bool

    @property
    def is_there(self) -> bool:
        """Whether the agent's file still exists: a cache may be cleaned at any time."""
        return Path(self.command[-1]).is_file()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What asking for the agent would come to."""

    state: Literal["ready", "prebuilt", "stale", "to build", "unavailable"]
    detail: str


def resolve(
    cache_dir: Path, flavour: Flavour = "agent", *, prebuilt_dir: Path = PREBUILT_DIR
) -> AgentBuild:
    """Return the command of a flavour's agent, building or unpacking it first if needed.

    A first build takes up to minutes and blocks; call it in a worker thread. Two processes never
    build at once. Raises AgentUnavailable with a reason in one sentence.
    """
    compilation = compilation_of(flavour)
    agents_dir = cache_dir / compilation.cache_name
    if compilation.is_native:
        with suppress(ArchiveUnusable):
            archive = prebuilt.choose(prebuilt.read_manifest(prebuilt_dir), compilation.flavour)
            if archive.source_hash == source_hash():
                return _unpacked(archive, agents_dir, prebuilt_dir, why="made from this source")
    try:
        return _built(compilation, agents_dir)
    except ToolsMissing as missing:
        return _prebuilt(compilation, agents_dir, prebuilt_dir, why=missing.reason)
    except BuildFailed as failure:
        try:
            return _prebuilt(compilation, agents_dir, prebuilt_dir, why=failure.reason)
        except ArchiveUnusable:
            raise failure from None


def foresee(
    cache_dir: Path, flavour: Flavour = "agent", *, prebuilt_dir: Path = PREBUILT_DIR
) -> Outlook:
    """Tell what `resolve` would do, without building or unpacking anything.

    Takes milliseconds. A build that is foreseen may still fail.
    """
    compilation = compilation_of(flavour)
    agents_dir = cache_dir / compilation.cache_name
    archive, refusal = _archive(compilation, prebuilt_dir)
    if archive is not None and compilation.is_native and _is_current(archive):
        return _outlook_of(archive, agents_dir)
    product = _product(compilation, agents_dir, source_hash_at_start())
    if product.is_file() and _starter(compilation) is not None:
        return Outlook(state="ready", detail="built from source before")
    try:
        _dotnet, sdk = _tools(compilation)
    except ToolsMissing as missing:
        if archive is not None:
            return _outlook_of(archive, agents_dir)
        return Outlook(state="unavailable", detail=f"{missing.reason}, and {refusal}")
    otherwise = "" if archive is None else "; where that fails, the prebuilt one is used"
    detail = f"SDK {sdk} builds it when it is first needed{otherwise}"
    return Outlook(state="to build", detail=detail)


def _outlook_of(archive: Archive, agents_dir: Path) -> Outlook:
    detail = f"prebuilt for {archive.runtime_identifier}"
    if not _is_current(archive):
        return Outlook(state="stale", detail=f"{detail} from other source than the one here")
    is_unpacked = prebuilt.unpacked_path(archive, agents_dir=agents_dir).is_file()
    return Outlook(state="ready" if is_unpacked else "prebuilt", detail=detail)


def _is_current(archive: Archive) -> bool:
    return archive.source_hash == source_hash_at_start()


def _archive(compilation: Compilation, prebuilt_dir: Path) -> tuple[Archive | None, str]:
    try:
        return prebuilt.choose(prebuilt.read_manifest(prebuilt_dir), compilation.flavour), ""
    except ArchiveUnusable as error:
        return None, error.reason


def _product(compilation: Compilation, agents_dir: Path, content_hash: str) -> Path:
    return agents_dir / content_hash[:16] / compilation.product


def _tools(compilation: Compilation) -> tuple[Path, str]:
    """Return `dotnet` and the version of its SDK; raises ToolsMissing."""
    dotnet = find_dotnet()
    if dotnet is None:
        raise ToolsMissing("there is no .NET SDK")
    sdk = find_sdk(dotnet)
    if sdk is None:
        raise ToolsMissing("there is no .NET SDK 10 or newer")
    if compilation.is_native and not has_native_toolchain():
        raise ToolsMissing("there is no native toolchain (clang or gcc)")
    return dotnet, sdk


def _starter(compilation: Compilation) -> tuple[str, ...] | None:
    """Return what stands before the product in a command, None where it cannot be started."""
    if compilation.is_native:
        return ()
    dotnet = find_dotnet()
    return None if dotnet is None else (str(dotnet),)


def _built(compilation: Compilation, agents_dir: Path) -> AgentBuild:
    product = _product(compilation, agents_dir, source_hash())
    starter = _starter(compilation)
    detail = "built from source before"
    if starter is None or not product.is_file():
        dotnet, sdk = _tools(compilation)
        with locked(agents_dir):
            if not product.is_file():
                _build(compilation, dotnet, product.parent)
                remove_old(agents_dir, keep=product.parent)
        detail = f"built from source with SDK {sdk}"
    mark_used(product.parent)
    command = (*(starter or ()), str(product))
    return AgentBuild(command=command, origin="source", detail=detail, stale=False)


def _build(compilation: Compilation, dotnet: Path, target: Path) -> None:
    """Build beside the target and rename, so that a half-built agent is never seen."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=UNFINISHED) as name:
        scratch = Path(name)
        output = scratch / "out"
        options = compilation.source_options
        publish(dotnet, PROJECT, output=output, scratch=scratch, options=options)
        if not (output / compilation.product).is_file():
            raise BuildFailed("the build produced no agent")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(output, target)


def _prebuilt(
    compilation: Compilation, agents_dir: Path, prebuilt_dir: Path, *, why: str
) -> AgentBuild:
    try:
        archive = prebuilt.choose(prebuilt.read_manifest(prebuilt_dir), compilation.flavour)
        return _unpacked(archive, agents_dir, prebuilt_dir, why=f"because {why}")
    except ArchiveUnusable as error:
        raise ArchiveUnusable(f"{why}, and {error.reason}") from error


def _unpacked(archive: Archive, agents_dir: Path, prebuilt_dir: Path, *, why: str) -> AgentBuild:
    with locked(agents_dir):
        is_new = not prebuilt.unpacked_path(archive, agents_dir=agents_dir).is_file()
        executable = prebuilt.unpack(archive, agents_dir=agents_dir, prebuilt_dir=prebuilt_dir)
        if is_new:
            remove_old(agents_dir, keep=executable.parent)
    mark_used(executable.parent)
    return AgentBuild(
        command=(str(executable),),
        origin="prebuilt",
        detail=f"prebuilt for {archive.runtime_identifier}, {why}",
        stale=archive.source_hash != source_hash(),
    )


def _main() -> int:
    parser = argparse.ArgumentParser(description="Prepare the .NET agent and say which is used.")
    parser.add_argument("--flavour", choices=COMPILATIONS, default="agent")
    flavour: Flavour = parser.parse_args().flavour
    title = compilation_of(flavour).title
    try:
        build = resolve(ServiceSettings.load().cache_dir, flavour)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_CONFIGURATION
    except AgentUnavailable as error:
        tail = error.output_tail if isinstance(error, BuildFailed) else ""
        sys.stderr.write(f"no {title}: {error.reason}\n{tail}")
        return 1
    note = " (stale: the source has changed since)" if build.stale else ""
    sys.stdout.write(f"{title}: {build.detail}{note}\n{' '.join(build.command)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
