"""Prebuilt agents: the manifest beside the archives, and unpacking with every hash checked."""

import hashlib
import lzma
import os
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from shared_models import PROTOCOL_VERSION
from shared_models.wire import WireModel

from .agent_source import NAME, PREBUILT_DIR
from .compilation import COMPILATIONS, RUNTIME_IDENTIFIER, ArchiveFlavour
from .errors import ArchiveUnusable

MANIFEST_NAME = "manifest.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Archive(WireModel):
    """One compressed executable for one kind of machine, and what it was made from.

    `minimum_glibc` is the newest version of a symbol that the executable asks the C library for.
    """

    flavour: ArchiveFlavour
    runtime_identifier: str
    minimum_glibc: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    source_hash: Sha256
    protocol_version: int
    sdk_version: str
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+\.xz$")]
    archive_sha256: Sha256
    binary_sha256: Sha256
    binary_bytes: Annotated[int, Field(gt=0)]


class Manifest(WireModel):
    """The archives, and the command that makes them again."""

    command: str
    archives: list[Archive]


def read_manifest(prebuilt_dir: Path = PREBUILT_DIR) -> Manifest:
    """Return the manifest. Raises ArchiveUnusable when there is none or it is malformed."""
    try:
        return Manifest.model_validate_json((prebuilt_dir / MANIFEST_NAME).read_bytes())
    except FileNotFoundError:
        raise ArchiveUnusable("this installation has no prebuilt .NET agent") from None
    except ValidationError as error:
        raise ArchiveUnusable("the manifest of the prebuilt .NET agents is malformed") from error


def runtime_identifier() -> str | None:
    """Return .NET's name for this kind of machine, or None where no prebuilt agent can run."""
    is_x64 = platform.machine().lower() in {"x86_64", "amd64"}
    is_glibc = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
    return RUNTIME_IDENTIFIER if is_x64 and is_glibc else None


def choose(manifest: Manifest, flavour: ArchiveFlavour) -> Archive:
    """Return the archive for this machine.

    Raises ArchiveUnusable when none fits or it speaks another version of the agent protocol.
    """
    wanted = runtime_identifier()
    for archive in manifest.archives:
        if archive.flavour == flavour and archive.runtime_identifier == wanted:
            _check_fits(archive)
            return archive
    raise ArchiveUnusable(
        f"there is no prebuilt {COMPILATIONS[flavour].title} "
        f"for {sys.platform} on {platform.machine()}"
    )


def _check_fits(archive: Archive) -> None:
    title = COMPILATIONS[archive.flavour].title
    if archive.protocol_version != PROTOCOL_VERSION:
        raise ArchiveUnusable(
            f"the prebuilt {title} speaks protocol {archive.protocol_version}, "
            f"this installation speaks {PROTOCOL_VERSION}"
        )
    here = platform.libc_ver()[1]
    if _numbers(here) < _numbers(archive.minimum_glibc):
        raise ArchiveUnusable(
            f"the prebuilt {title} needs glibc {archive.minimum_glibc}, this machine has {here}"
        )


def minimum_glibc(binary: bytes) -> str:
    """Return the newest glibc version that an executable's dynamic symbols are bound to."""
    found: list[bytes] = re.findall(rb"\0GLIBC_(\d+\.\d+)(?=\0)", binary)
    return max((version.decode() for version in found), key=_numbers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def unpacked_path(archive: Archive, *, agents_dir: Path) -> Path:
    """Return where the executable of this archive is kept once unpacked."""
    return agents_dir / f"prebuilt-{archive.archive_sha256[:16]}" / NAME


def unpack(archive: Archive, *, agents_dir: Path, prebuilt_dir: Path = PREBUILT_DIR) -> Path:
    """Unpack the executable unless that was done before, and return its path.

    The caller holds the lock on `agents_dir`. Raises ArchiveUnusable when a hash differs.
    """
    target = unpacked_path(archive, agents_dir=agents_dir)
    if target.is_file():
        return target
    binary = _verified_binary(archive, prebuilt_dir / archive.file)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(binary)
    os.chmod(temporary, 0o755)  # noqa: S103 - an executable
    os.replace(temporary, target)
    return target


def _verified_binary(archive: Archive, path: Path) -> bytes:
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise ArchiveUnusable("the archive of the prebuilt .NET agent is missing") from error
    if hashlib.sha256(packed).hexdigest() != archive.archive_sha256:
        raise ArchiveUnusable("the archive of the prebuilt .NET agent is damaged")
    # The manifest's size bounds what a forged archive could expand to.
    binary = lzma.LZMADecompressor().decompress(packed, max_length=archive.binary_bytes + 1)
    if hashlib.sha256(binary).hexdigest() != archive.binary_sha256:
        raise ArchiveUnusable("the prebuilt .NET agent is not what its manifest says")
    return binary
