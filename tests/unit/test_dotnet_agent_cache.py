"""Which built agents stay in the cache, and which ones go."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend_dotnet_shim.agent_cache import DAY_S, WEEK_S, mark_used, remove_old

HOUR_S = 3_600.0
PROGRAM = "import sys; print(flush=True); sys.stdin.read()"


def make_agent(cache: Path, name: str, *, unused_s: float) -> Path:
    """Make an agent that was last used so long ago."""
    agent = cache / name
    agent.mkdir(parents=True)
    (agent / "PerfCompare.Agent").touch()
    used = time.time() - unused_s
    os.utime(agent, (used, used))
    return agent


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()}


def test_what_was_not_used_for_a_week_goes(tmp_path: Path) -> None:
    """The new agent stays whatever its age, and so does the lock file."""
    new = make_agent(tmp_path, "new", unused_s=2 * WEEK_S)
    make_agent(tmp_path, "recent", unused_s=WEEK_S - HOUR_S)
    make_agent(tmp_path, "old", unused_s=WEEK_S + HOUR_S)
    (tmp_path / ".lock").touch()

    remove_old(tmp_path, keep=new)

    assert {"new", "recent", ".lock"} == names(tmp_path)


def test_only_a_few_stay_unless_they_were_used_today(tmp_path: Path) -> None:
    """Three with the new one; who works on several checkouts loses none of theirs."""
    new = make_agent(tmp_path, "new", unused_s=0)
    for hours in range(1, 6):
        make_agent(tmp_path, f"today-{hours}", unused_s=hours * HOUR_S)
    make_agent(tmp_path, "yesterday", unused_s=DAY_S + HOUR_S)

    remove_old(tmp_path, keep=new)

    assert {"new", *(f"today-{hours}" for hours in range(1, 6))} == names(tmp_path)

    for hours in range(1, 6):
        agent = tmp_path / f"today-{hours}"
        used = time.time() - DAY_S - hours * HOUR_S
        os.utime(agent, (used, used))
    remove_old(tmp_path, keep=new)

    assert {"new", "today-1", "today-2"} == names(tmp_path)


def test_an_agent_that_was_wanted_again_stays(tmp_path: Path) -> None:
    """Its age counts from its last use."""
    new = make_agent(tmp_path, "new", unused_s=0)
    again = make_agent(tmp_path, "again", unused_s=2 * WEEK_S)

    mark_used(again)
    remove_old(tmp_path, keep=new)

    assert {"new", "again"} == names(tmp_path)


@pytest.mark.parametrize("with_runtime", [True, False], ids=["library", "executable"])
def test_an_agent_that_runs_stays(tmp_path: Path, with_runtime: bool) -> None:
    """Until its process has ended."""
    new = make_agent(tmp_path, "new", unused_s=0)
    old = make_agent(tmp_path, "old", unused_s=2 * WEEK_S)
    product = old / "PerfCompare.Agent"
    command = [sys.executable, "-c", PROGRAM, str(product)]
    if not with_runtime:
        product.unlink()
        product.symlink_to(sys.executable)
        command = [str(product), "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        used = time.time() - 2 * WEEK_S
        os.utime(old, (used, used))
        remove_old(tmp_path, keep=new)

        assert {"new", "old"} == names(tmp_path)
    remove_old(tmp_path, keep=new)

    assert {"new"} == names(tmp_path)


def test_what_a_killed_builder_left_behind_goes(tmp_path: Path) -> None:
    """Only the holder of the lock builds, so that nobody else can be at work there."""
    new = make_agent(tmp_path, "new", unused_s=0)
    make_agent(tmp_path, "building-x1y2", unused_s=0)

    remove_old(tmp_path, keep=new)

    assert {"new"} == names(tmp_path)
