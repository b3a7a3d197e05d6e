"""Which .NET agent is used: built, prebuilt, or none, each for a stated reason."""

import hashlib
import lzma
import threading
from pathlib import Path
from typing import Any

import pytest

from backend_dotnet_shim import delivery, dotnet_sdk, prebuild, prebuilt
from backend_dotnet_shim.agent_source import NAME, source_files, source_hash
from backend_dotnet_shim.errors import AgentUnavailable, ArchiveUnusable, BuildFailed
from shared_models import PROTOCOL_VERSION

BINARY = b"#!/bin/sh\nexit 0\n" * 100


def write_prebuilt(
    directory: Path,
    *,
    protocol_version: int = PROTOCOL_VERSION,
    content_hash: str | None = None,
    binary: bytes = BINARY,
) -> Path:
    """Write an archive and its manifest as `prebuild` would."""
    directory.mkdir(parents=True, exist_ok=True)
    packed = lzma.compress(BINARY)
    (directory / "agent.xz").write_bytes(packed)
    manifest = prebuilt.Manifest(
        source_hash=content_hash or source_hash(),
        protocol_version=protocol_version,
        sdk_version="10.0.401",
        command=prebuild.COMMAND,
        archives=[
            prebuilt.Archive(
                flavour="agent",
                runtime_identifier="linux-x64",
                file="agent.xz",
                archive_sha256=hashlib.sha256(packed).hexdigest(),
                binary_sha256=hashlib.sha256(binary).hexdigest(),
                binary_bytes=len(BINARY),
            )
        ],
    )
    (directory / prebuilt.MANIFEST_NAME).write_text(manifest.model_dump_json())
    return directory


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Machine":
    return Machine(monkeypatch, tmp_path)


class Machine:
    """A machine without a .NET SDK and without prebuilt agents, until told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self._patch = monkeypatch
        self.cache = tmp_path / "cache"
        self.builds = 0
        monkeypatch.setattr(delivery, "find_dotnet", lambda: None)
        monkeypatch.setattr(prebuilt, "runtime_identifier", lambda: "linux-x64")
        self.prebuilt = tmp_path / "prebuilt"

    def resolve(self) -> delivery.AgentBuild:
        return delivery.resolve(self.cache, prebuilt_dir=self.prebuilt)

    def is_ready(self) -> bool:
        return delivery.is_ready(self.cache, prebuilt_dir=self.prebuilt)

    def has_sdk(self, *, fails: str | None = None) -> None:
        def publish(dotnet: Path, project: Path, *, output: Path, scratch: Path) -> None:
            self.builds += 1
            if fails is not None:
                raise BuildFailed(fails)
            output.mkdir()
            (output / f"{NAME}.dll").write_bytes(b"")

        self._patch.setattr(delivery, "find_dotnet", lambda: Path("/opt/dotnet"))
        self._patch.setattr(delivery, "find_sdk", lambda _: "10.0.401")
        self._patch.setattr(delivery, "publish", publish)


def test_the_agent_is_built_once_where_an_sdk_is(machine: Machine) -> None:
    """The build is kept by the hash of its source and used again."""
    machine.has_sdk()

    assert machine.is_ready() is False
    first = machine.resolve()
    second = machine.resolve()

    assert first.origin == "source"
    assert first.command == second.command
    assert first.command[0] == "/opt/dotnet"
    assert source_hash()[:16] in first.command[1]
    assert machine.builds == 1
    assert machine.is_ready() is True


def test_two_builders_at_once_build_once(machine: Machine) -> None:
    """The second waits for the first's build and takes it."""
    machine.has_sdk()
    threads = [threading.Thread(target=machine.resolve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert machine.builds == 1


def test_a_failed_build_leaves_nothing_behind_and_says_why(machine: Machine) -> None:
    """Without a prebuilt agent the build's own error is the reason."""
    machine.has_sdk(fails="the build failed: NU1301: no package source answers")

    with pytest.raises(AgentUnavailable, match="NU1301"):
        machine.resolve()

    assert [".lock"] == [path.name for path in (machine.cache / "dotnet-agent").iterdir()]


def test_without_an_sdk_the_prebuilt_agent_is_unpacked(machine: Machine) -> None:
    """It is verified, executable, and not unpacked again."""
    write_prebuilt(machine.prebuilt)

    build = machine.resolve()

    executable = Path(build.command[0])
    assert build.origin == "prebuilt"
    assert build.stale is False
    assert executable.read_bytes() == BINARY
    assert executable.stat().st_mode & 0o111
    assert machine.is_ready() is True
    assert machine.resolve() == build


def test_a_failed_build_falls_back_on_the_prebuilt_agent(machine: Machine) -> None:
    """An SDK without a package source is as good as none; the detail says what happened."""
    machine.has_sdk(fails="the build failed: NU1301")
    write_prebuilt(machine.prebuilt, content_hash="0" * 64)

    build = machine.resolve()

    assert build.origin == "prebuilt"
    assert "NU1301" in build.detail
    assert build.stale is True


def test_nothing_at_all_is_one_plain_sentence(machine: Machine) -> None:
    """The reason names both ways that are closed."""
    with pytest.raises(AgentUnavailable) as caught:
        machine.resolve()

    assert "there is no .NET SDK, and this installation has no prebuilt .NET agent" == (
        caught.value.reason
    )
    assert machine.is_ready() is False


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"protocol_version": 99}, "speaks protocol 99", id="another protocol"),
        pytest.param({"binary": b"other"}, "not what its manifest says", id="another file"),
    ],
)
def test_a_prebuilt_agent_that_is_not_right_never_starts(
    machine: Machine, changes: dict[str, Any], reason: str
) -> None:
    """Hashes and the protocol's version are checked before anything is written."""
    write_prebuilt(machine.prebuilt, **changes)

    with pytest.raises(ArchiveUnusable, match=reason):
        machine.resolve()


def test_a_damaged_archive_is_refused(machine: Machine) -> None:
    """One flipped byte is enough."""
    directory = write_prebuilt(machine.prebuilt)
    packed = bytearray((directory / "agent.xz").read_bytes())
    packed[20] ^= 1
    (directory / "agent.xz").write_bytes(packed)

    with pytest.raises(ArchiveUnusable, match="damaged"):
        machine.resolve()


def test_another_kind_of_machine_has_no_prebuilt_agent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archives are for linux-x64 with glibc only."""
    write_prebuilt(machine.prebuilt)
    monkeypatch.setattr(prebuilt, "runtime_identifier", lambda: None)

    with pytest.raises(ArchiveUnusable, match="no prebuilt"):
        machine.resolve()


def test_the_release_check_sees_a_changed_source(tmp_path: Path) -> None:
    """`--check` is 0 for archives of this source, 1 for older or missing ones."""
    current = write_prebuilt(tmp_path / "current")
    older = write_prebuilt(tmp_path / "older", content_hash="0" * 64)

    assert prebuild.check(current) == 0
    assert prebuild.check(older) == 1
    (current / "agent.xz").unlink()
    assert prebuild.check(current) == 1


def test_the_source_hash_covers_code_and_versions_but_no_tests() -> None:
    """What changes the binary changes the hash, and nothing else does."""
    names = {path.name for path in source_files()}

    assert {"Program.cs", "PerfCompare.Agent.csproj", "Directory.Packages.props"} <= names
    assert not [path for path in source_files() if "tests" in path.parts[-3:]]


def test_the_newest_fitting_sdk_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An older SDK beside it does not count, and neither does a runtime alone."""
    script = tmp_path / "dotnet"
    script.write_text("#!/bin/sh\nprintf '8.0.400 [/x]\\n10.0.100 [/x]\\n'\n")
    script.chmod(0o755)

    assert dotnet_sdk.find_sdk(script) == "10.0.100"
    script.write_text("#!/bin/sh\nprintf '8.0.400 [/x]\\n'\n")
    assert dotnet_sdk.find_sdk(script) is None
    assert dotnet_sdk.find_sdk(tmp_path / "missing") is None


def test_a_build_error_is_one_line_with_the_output_kept(tmp_path: Path) -> None:
    """The compiler's first error is the reason; the tail is there for whoever wants more."""
    script = tmp_path / "dotnet"
    script.write_text("#!/bin/sh\necho 'a.cs(1,1): error CS1002: ; expected [/p.csproj]'\nexit 1\n")
    script.chmod(0o755)

    with pytest.raises(BuildFailed) as caught:
        dotnet_sdk.publish(script, tmp_path, output=tmp_path / "out", scratch=tmp_path)

    assert caught.value.reason == "the build failed: CS1002: ; expected"
    assert "a.cs(1,1)" in caught.value.output_tail
