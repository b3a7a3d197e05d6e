"""Prebuilt agents: the manifest beside the archives, and unpacking with every hash checked."""

import hashlib
import lzma
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from shared_models import PROTOCOL_VERSION
from shared_models.wire import WireModel

from .agent_source import NAME, PREBUILT_DIR
from .errors import ArchiveUnusable

MANIFEST_NAME = "manifest.json"
DEFAULT_FLAVOUR = "agent"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Archive(WireModel):
    """One compressed executable for one kind of machine."""

    flavour: str
    runtime_identifier: str
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+\.xz$")]
    archive_sha256: Sha256
    binary_sha256: Sha256
    binary_bytes: Annotated[int, Field(gt=0)]


class Manifest(WireModel):
    """What the archives were made from, and how to make them again."""

    source_hash: Sha256
    protocol_version: int
    sdk_version: str
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
    return "linux-x64" if is_x64 and is_glibc else None


def choose(manifest: Manifest, *, flavour: str = DEFAULT_FLAVOUR) -> Archive:
    """Return the archive for this machine.

    Raises ArchiveUnusable when none fits or it speaks another version of the agent protocol.
    """
    if manifest.protocol_version != PROTOCOL_VERSION:
        raise ArchiveUnusable(
            f"the prebuilt .NET agent speaks protocol {manifest.protocol_version}, "
            f"this installation speaks {PROTOCOL_VERSION}"
        )
    wanted = runtime_identifier()
    for archive in manifest.archives:
        if archive.flavour == flavour and archive.runtime_identifier == wanted:
            return archive
    raise ArchiveUnusable(
        f"there is no prebuilt .NET agent for {sys.platform} on {platform.machine()}"
    )


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
