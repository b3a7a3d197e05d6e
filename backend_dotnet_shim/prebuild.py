"""Make the prebuilt agents anew: `python -m backend_dotnet_shim.prebuild [--only FLAVOUR]`.

Needs the .NET SDK, for the NativeAOT agent clang or gcc, and runs on linux-x64. `--check` builds
nothing and exits 1 when the source has changed since the archives were made.
"""

import argparse
import hashlib
import lzma
import os
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from shared_models import PROTOCOL_VERSION

from .agent_source import NAME, PREBUILT_DIR, PROJECT, source_hash
from .compilation import COMPILATIONS, RUNTIME_IDENTIFIER, ArchiveFlavour, Compilation
from .dotnet_sdk import find_dotnet, find_sdk, has_native_toolchain, publish
from .errors import AgentUnavailable, ArchiveUnusable, BuildFailed
from .prebuilt import MANIFEST_NAME, Archive, Manifest, minimum_glibc, read_manifest

COMMAND = "python -m backend_dotnet_shim.prebuild"


def main() -> int:
    """Build and pack, or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Make the prebuilt .NET agents anew.")
    parser.add_argument("--check", action="store_true", help="only tell whether that is needed")
    parser.add_argument("--only", choices=COMPILATIONS, help="leave the other one as it is")
    arguments = parser.parse_args()
    flavours = [arguments.only] if arguments.only else list(COMPILATIONS)
    try:
        return check(flavours=flavours) if arguments.check else build(flavours=flavours)
    except BuildFailed as error:
        sys.stderr.write(f"{error.reason}\n{error.output_tail}\n")
    except AgentUnavailable as error:
        sys.stderr.write(f"{error.reason}\n")
    return 1


def check(
    prebuilt_dir: Path = PREBUILT_DIR, *, flavours: Collection[ArchiveFlavour] = tuple(COMPILATIONS)
) -> int:
    """Return 0 when the archives are there and fit the source, else 1 with the reasons printed."""
    manifest = read_manifest(prebuilt_dir)
    current = source_hash()
    problems = [
        problem
        for flavour in flavours
        if (problem := _find_problem(manifest, flavour, prebuilt_dir, current)) is not None
    ]
    for problem in problems:
        sys.stderr.write(f"{problem}: run {COMMAND}\n")
    return 1 if problems else 0


def build(
    prebuilt_dir: Path = PREBUILT_DIR, *, flavours: Collection[ArchiveFlavour] = tuple(COMPILATIONS)
) -> int:
    """Publish the agents, pack them into `prebuilt_dir` and write the manifest. Takes minutes."""
    dotnet = find_dotnet()
    sdk = find_sdk(dotnet) if dotnet else None
    if dotnet is None or sdk is None:
        raise BuildFailed("a .NET SDK 10 or newer is needed")
    if "aot" in flavours and not has_native_toolchain():
        raise BuildFailed("the NativeAOT agent needs clang or gcc")
    prebuilt_dir.mkdir(parents=True, exist_ok=True)
    made = [_make(dotnet, sdk, COMPILATIONS[flavour], prebuilt_dir) for flavour in flavours]
    kept = [archive for archive in _archives(prebuilt_dir) if archive.flavour not in flavours]
    archives = sorted([*made, *kept], key=lambda archive: archive.file)
    text = Manifest(command=COMMAND, archives=archives).model_dump_json(indent=2) + "\n"
    _write(prebuilt_dir / MANIFEST_NAME, text.encode())
    return 0


def _archives(prebuilt_dir: Path) -> list[Archive]:
    try:
        return read_manifest(prebuilt_dir).archives
    except ArchiveUnusable:  # none yet, or of an older form
        return []


def _make(dotnet: Path, sdk: str, compilation: Compilation, prebuilt_dir: Path) -> Archive:
    made_from = source_hash()
    with tempfile.TemporaryDirectory(prefix="prebuild-") as scratch:
        output = Path(scratch) / "out"
        options = compilation.archive_options
        publish(dotnet, PROJECT, output=output, scratch=Path(scratch), options=options)
        binary = (output / NAME).read_bytes()
    packed = _pack(binary)
    file = f"perfcompare-{compilation.flavour}-{RUNTIME_IDENTIFIER}.xz"
    _write(prebuilt_dir / file, packed)
    sys.stdout.write(f"{file}: {len(binary):,} bytes, packed {len(packed):,}\n")
    return Archive(
        flavour=compilation.flavour,
        runtime_identifier=RUNTIME_IDENTIFIER,
        minimum_glibc=minimum_glibc(binary),
        source_hash=made_from,
        protocol_version=PROTOCOL_VERSION,
        sdk_version=sdk,
        file=file,
        archive_sha256=hashlib.sha256(packed).hexdigest(),
        binary_sha256=hashlib.sha256(binary).hexdigest(),
        binary_bytes=len(binary),
    )


def _pack(binary: bytes) -> bytes:
    # The x86 filter turns relative call targets into absolute ones, which compress better.
    filters = [
        {"id": lzma.FILTER_X86},
        {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME},
    ]
    return lzma.compress(binary, filters=filters)


def _find_problem(
    manifest: Manifest, flavour: ArchiveFlavour, prebuilt_dir: Path, current: str
) -> str | None:
    title = f"the prebuilt {COMPILATIONS[flavour].title}"
    archive = next((each for each in manifest.archives if each.flavour == flavour), None)
    if archive is None:
        return f"{title} has never been made"
    if archive.source_hash != current:
        return f"the source has changed since {title} was made"
    if archive.protocol_version != PROTOCOL_VERSION:
        return f"{title} speaks another version of the agent protocol"
    path = prebuilt_dir / archive.file
    if not path.is_file():
        return f"{archive.file} is missing"
    if hashlib.sha256(path.read_bytes()).hexdigest() != archive.archive_sha256:
        return f"{archive.file} is not what the manifest says"
    return None


def _write(path: Path, content: bytes) -> None:
    """Replace the file in one step."""
    temporary = path.with_suffix(path.suffix + ".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(main())
