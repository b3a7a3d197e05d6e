"""The lock of a data directory."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import lock
from orchestrator.errors import EXIT_ALREADY_RUNNING, AlreadyRunning, DataDirectoryError

RECORD = lock.Record(pid=7, startTime=1.5, urls={lock.DASHBOARD: "http://x/dashboard"})


def test_a_second_holder_is_told_about_the_first(tmp_path: Path) -> None:
    """Its pid and where its dashboard is."""
    with lock.locked(tmp_path) as held:
        held.publish(RECORD)
        with pytest.raises(AlreadyRunning, match=r"pid 7.*http://x/dashboard") as refusal:
            lock.locked(tmp_path).__enter__()
        assert lock.is_held(tmp_path)
        assert lock.read(tmp_path) == RECORD
    assert refusal.value.exit_code == EXIT_ALREADY_RUNNING
    assert not lock.is_held(tmp_path)


def test_a_stale_file_is_taken_over(tmp_path: Path) -> None:
    """Its owner was killed and could not tidy up."""
    script = (
        "import os, sys; from pathlib import Path; from orchestrator import lock\n"
        "lasting = lock.locked(Path(sys.argv[1]))\nheld = lasting.__enter__()\n"
        "held.publish(lock.Record(pid=1, startTime=None, urls={}))\n"
        "os._exit(9)"
    )
    assert subprocess.call([sys.executable, "-c", script, str(tmp_path)]) == 9
    assert lock.read(tmp_path) is not None
    with lock.locked(tmp_path):
        assert lock.is_held(tmp_path)


def test_a_shorter_record_replaces_a_longer_one_wholly(tmp_path: Path) -> None:
    """Nothing of the old text is left behind it."""
    with lock.locked(tmp_path) as held:
        held.publish(RECORD)
        held.publish(lock.Record(pid=8, startTime=None))
        assert lock.read(tmp_path) == lock.Record(pid=8, startTime=None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "null"])
def test_what_is_no_record_reads_as_none(tmp_path: Path, text: str) -> None:
    """A reader may come while the holder writes."""
    (tmp_path / lock.LOCK_NAME).write_text(text)
    assert lock.read(tmp_path) is None


def test_the_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    """Others on the machine see neither settings nor results."""
    directory = tmp_path / "data"
    with lock.locked(directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((directory / lock.LOCK_NAME).stat().st_mode) == 0o600


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """Nobody may make us truncate another file."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / lock.LOCK_NAME).symlink_to(victim)
    with pytest.raises(DataDirectoryError):
        lock.locked(directory).__enter__()
    assert victim.read_text() == "precious"


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """One sentence with the path and the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="file"):
        lock.locked(tmp_path / "file" / "data").__enter__()
