"""What the kernel is asked to do: orphans, death with the launcher, the background process."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from orchestrator import processes
from tests.support.stack import eventually, stack_environment

# In a process of its own: adopting orphans is for a whole process and cannot be undone.
SWEEP = """
import subprocess, sys
from orchestrator import processes
processes.adopt_orphans()
leaving = '''
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         stdout=subprocess.DEVNULL, start_new_session=True)
print(child.pid)
'''
print(subprocess.check_output([sys.executable, "-c", leaving], text=True).strip())
print(processes.sweep())
"""


def _output(script: str, *arguments: str) -> str:
    return subprocess.check_output(
        [sys.executable, "-c", script, *arguments], env=stack_environment(), text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_a_descendant_that_left_its_group_is_found_and_killed() -> None:
    """Not even a session of its own saves it."""
    pid, swept = _output(SWEEP).split()
    assert swept == "1"
    assert eventually(lambda: not psutil.pid_exists(int(pid)))


def _child(orchestrator: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: TID251 - a test's own child
        [sys.executable, "-m", "orchestrator.child", str(orchestrator), "this"],
        env=stack_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_child_whose_launcher_has_gone_does_not_start() -> None:
    """Its parent is then another process than the one that it was told."""
    ended = _child(os.getpid() + 1)
    assert ended.returncode == 1
    assert ended.stderr == "the orchestrator has gone\n"


def test_a_child_becomes_the_module_that_it_is_told() -> None:
    """The module sees no arguments of ours."""
    ended = _child(os.getpid())
    assert ended.returncode == 0
    assert "The Zen of Python" in ended.stdout


@pytest.mark.parametrize(("script", "line", "code"), [("told", "ready\n", 0), ("not", "", 5)])
def test_a_background_process_says_when_it_is_ready(
    tmp_path: Path, script: str, line: str, code: int
) -> None:
    """Or ends without a line, and its exit code is passed on."""
    program = {
        "told": "import os, sys; os.write(int(sys.argv[-1]), b'ready\\n')",
        "not": "import sys; print('why'); sys.exit(5)",
    }[script]
    log = tmp_path / "log"
    background = processes.start_background([sys.executable, "-c", program], log=log)
    assert (background.first_line(), background.exit_code()) == (line, code)
    assert log.read_text() == ("" if script == "told" else "why\n")


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (200, "signal 200")])
def test_signals_are_named(number: int, name: str) -> None:
    """Also those that have no name."""
    assert processes.signal_name(number) == name


def test_who_is_not_there_has_no_start_time() -> None:
    """And we have one."""
    assert processes.start_time(processes.own_pid()) is not None
    assert processes.start_time(2**22 + 1) is None
