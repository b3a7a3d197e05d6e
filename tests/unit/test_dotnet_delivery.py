"""Which .NET agent is used: built, prebuilt, or none, each for a stated reason."""

import hashlib
import lzma
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from backend_dotnet_shim import delivery, dotnet_sdk, prebuild, prebuilt
from backend_dotnet_shim.agent_source import NAME, source_files, source_hash
from backend_dotnet_shim.compilation import ArchiveFlavour
from backend_dotnet_shim.errors import AgentUnavailable, ArchiveUnusable, BuildFailed
from shared_models import PROTOCOL_VERSION, Flavour

BINARY = b"#!/bin/sh\nexit 0\n" * 100


def write_prebuilt(
    directory: Path,
    *flavours: ArchiveFlavour,
    protocol_version: int = PROTOCOL_VERSION,
    content_hash: str | None = None,
    binary: bytes = BINARY,
    minimum_glibc: str = "2.27",
) -> Path:
    """Write archives, of the JIT agent unless told otherwise, and their manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    packed = lzma.compress(BINARY)
    archives = []
    for flavour in flavours or ("agent",):
        (directory / f"{flavour}.xz").write_bytes(packed)
        archives.append(
            prebuilt.Archive(
                flavour=flavour,
                runtime_identifier="linux-x64",
                minimum_glibc=minimum_glibc,
                source_hash=content_hash or source_hash(),
                protocol_version=protocol_version,
                sdk_version="10.0.401",
                file=f"{flavour}.xz",
                archive_sha256=hashlib.sha256(packed).hexdigest(),
                binary_sha256=hashlib.sha256(binary).hexdigest(),
                binary_bytes=len(BINARY),
            )
        )
    manifest = prebuilt.Manifest(command=prebuild.COMMAND, archives=archives)
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
        monkeypatch.setattr(delivery, "has_native_toolchain", lambda: False)
        monkeypatch.setattr(prebuilt, "runtime_identifier", lambda: "linux-x64")
        self.prebuilt = tmp_path / "prebuilt"

    def resolve(self, flavour: Flavour = "agent") -> delivery.AgentBuild:
        return delivery.resolve(self.cache, flavour, prebuilt_dir=self.prebuilt)

    def state(self, flavour: Flavour = "agent") -> str:
        return delivery.foresee(self.cache, flavour, prebuilt_dir=self.prebuilt).state

    def has_sdk(self, *, fails: str | None = None) -> None:
        def publish(
            dotnet: Path, project: Path, *, output: Path, scratch: Path, options: tuple[str, ...]
        ) -> None:
            self.builds += 1
            if fails is not None:
                raise BuildFailed(fails)
            output.mkdir()
            is_native = "-p:PublishAot=true" in options
            (output / (NAME if is_native else f"{NAME}.dll")).write_bytes(b"")

        self._patch.setattr(delivery, "find_dotnet", lambda: Path("/opt/dotnet"))
        self._patch.setattr(delivery, "find_sdk", lambda _: "10.0.401")
        self._patch.setattr(delivery, "publish", publish)

    def has_toolchain(self) -> None:
        self._patch.setattr(delivery, "has_native_toolchain", lambda: True)


def test_the_agent_is_built_once_where_an_sdk_is(machine: Machine) -> None:
    """The build is kept by the hash of its source and used again."""
    machine.has_sdk()

    assert machine.state() == "to build"
    first = machine.resolve()
    second = machine.resolve()

    assert first.origin == "source"
    assert first.command == second.command
    assert first.command[0] == "/opt/dotnet"
    assert source_hash()[:16] in first.command[1]
    assert machine.builds == 1
    assert machine.state() == "ready"


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
    assert machine.state() == "ready"
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
    assert machine.state() == "unavailable"


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


@pytest.mark.parametrize("flavour", ["agent", "client", "http"])
def test_every_flavour_but_one_is_the_same_program(machine: Machine, flavour: Flavour) -> None:
    """They are told apart in `initialize`."""
    machine.has_sdk()

    assert machine.resolve(flavour).command == machine.resolve().command
    assert machine.builds == 1


def test_a_native_agent_of_this_source_is_unpacked_rather_than_built(machine: Machine) -> None:
    """A build of it takes minutes and comes to the same."""
    machine.has_sdk()
    machine.has_toolchain()
    write_prebuilt(machine.prebuilt, "agent", "aot")

    assert machine.state("aot") == "prebuilt"
    build = machine.resolve("aot")

    assert build.origin == "prebuilt"
    assert build.stale is False
    assert machine.builds == 0
    assert machine.state("aot") == "ready"
    assert machine.resolve("agent").origin == "source"


def test_a_native_agent_of_other_source_is_built_anew(machine: Machine) -> None:
    """Once; the executable then needs neither SDK nor runtime."""
    machine.has_sdk()
    machine.has_toolchain()
    write_prebuilt(machine.prebuilt, "aot", content_hash="0" * 64)

    assert machine.state("aot") == "to build"
    build = machine.resolve("aot")

    assert build.origin == "source"
    assert [NAME] == [Path(part).name for part in build.command]
    assert machine.resolve("aot").command == build.command
    assert machine.builds == 1
    assert machine.state("aot") == "ready"


def test_without_a_toolchain_a_native_agent_of_other_source_is_stale(machine: Machine) -> None:
    """It is used, and says so."""
    machine.has_sdk()
    write_prebuilt(machine.prebuilt, "aot", content_hash="0" * 64)

    assert machine.state("aot") == "stale"
    build = machine.resolve("aot")

    assert build.stale is True
    assert "no native toolchain" in build.detail
    assert machine.builds == 0


def test_a_damaged_native_agent_of_this_source_is_built_instead(machine: Machine) -> None:
    """The archive is one way of two."""
    machine.has_sdk()
    machine.has_toolchain()
    write_prebuilt(machine.prebuilt, "aot", binary=b"other")

    assert machine.resolve("aot").origin == "source"


def test_no_native_agent_at_all_is_one_plain_sentence(machine: Machine) -> None:
    """A manifest from before there was one is as good as none; the JIT agent is not concerned."""
    machine.has_sdk()
    write_prebuilt(machine.prebuilt, "agent")

    assert machine.state("aot") == "unavailable"
    with pytest.raises(AgentUnavailable) as caught:
        machine.resolve("aot")

    assert caught.value.reason.startswith(
        "there is no native toolchain (clang or gcc), and there is no prebuilt"
    )
    assert machine.resolve("agent").origin == "source"


def test_an_archive_for_a_newer_c_library_is_refused(machine: Machine) -> None:
    """Started, it would die with a message of the dynamic linker."""
    write_prebuilt(machine.prebuilt, minimum_glibc="2.999")

    with pytest.raises(ArchiveUnusable, match=r"needs glibc 2\.999, this machine has 2\."):
        machine.resolve()


def test_the_needed_c_library_is_read_from_the_executable() -> None:
    """The newest version counts, by number: 2.34 is newer than 2.4."""
    table = b"\0libc.so.6\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.17\0GLIBCXX_3.4\0"

    assert "2.34" == prebuilt.minimum_glibc(table)


def test_a_toolchain_is_a_compiler_and_a_stripper(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One without the other fails at the end of a long build."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = []
    for name in ("gcc", "objcopy"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        found.append(dotnet_sdk.has_native_toolchain())

    assert [False, True] == found


def test_the_release_check_sees_a_changed_source(tmp_path: Path) -> None:
    """`--check` is 0 for archives of this source, 1 for older or missing ones."""
    current = write_prebuilt(tmp_path / "current", "agent", "aot")
    older = write_prebuilt(tmp_path / "older", "agent", "aot", content_hash="0" * 64)
    one = write_prebuilt(tmp_path / "one", "agent")

    assert prebuild.check(current) == 0
    assert prebuild.check(older) == 1
    assert prebuild.check(one) == 1
    assert prebuild.check(one, flavours=["agent"]) == 0
    (current / "aot.xz").unlink()
    assert prebuild.check(current) == 1


def test_one_archive_is_remade_without_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each says what it was made from, so that they need not be made together."""
    directory = write_prebuilt(tmp_path / "prebuilt", "agent", "aot", content_hash="0" * 64)
    binary = b"\0GLIBC_2.34\0"

    def publish(*_: Any, output: Path, **__: Any) -> None:
        output.mkdir()
        (output / NAME).write_bytes(binary)

    monkeypatch.setattr(prebuild, "find_dotnet", lambda: Path("/opt/dotnet"))
    monkeypatch.setattr(prebuild, "find_sdk", lambda _: "10.0.401")
    monkeypatch.setattr(prebuild, "has_native_toolchain", lambda: True)
    monkeypatch.setattr(prebuild, "publish", publish)

    assert prebuild.build(directory, flavours=["aot"]) == 0

    archives = {each.flavour: each for each in prebuilt.read_manifest(directory).archives}
    assert "0" * 64 == archives["agent"].source_hash
    assert (source_hash(), "2.34") == (archives["aot"].source_hash, archives["aot"].minimum_glibc)
    assert prebuild.check(directory, flavours=["aot"]) == 0
    unpacked = prebuilt.unpack(archives["aot"], agents_dir=tmp_path, prebuilt_dir=directory)
    assert unpacked.read_bytes() == binary


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


def test_a_service_that_ends_does_not_wait_for_a_build(tmp_path: Path) -> None:
    """The SDK dies with everything that it started, and the build's thread comes to its end."""
    script = tmp_path / "dotnet"
    script.write_text(f"#!/bin/sh\nsleep 3600 &\necho $! > {tmp_path}/child\nwait\n")
    script.chmod(0o755)
    program = (
        "import pathlib, sys, threading, time\n"
        "from backend_dotnet_shim import dotnet_sdk\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "build = lambda: dotnet_sdk.publish(here / 'dotnet', here, output=here, scratch=here)\n"
        "threading.Thread(target=build).start()\n"
        "while not (here / 'child').exists() or not (here / 'child').read_text().strip():\n"
        "    time.sleep(0.01)\n"
        "dotnet_sdk.end_builds()\n"
    )

    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as service:
        _, complaint = service.communicate(timeout=50)

    assert b"AgentUnavailable: this service is ending" in complaint
    assert not is_alive(int((tmp_path / "child").read_text()))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
