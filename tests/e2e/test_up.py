"""`perfcompare up` and `down` with the real services."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.support.stack import (
    END_DEADLINE_S,
    eventually,
    living,
    perfcompare,
    ready_line,
    running_stack,
    started,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

SERVICES = {"web", "python-backend", "dotnet-backend", "ollama-simulator"}
UP = ("up", "--isolated", "--simulate")


def test_every_service_answers_and_sigterm_leaves_nothing() -> None:
    """The ready line tells the truth, and after the stop every port is free."""
    with running_stack() as stack:
        assert set(stack.urls) == SERVICES
        assert {"running", "unavailable"} >= set(stack.ready["states"].values())
        assert httpx.get(stack.dashboard_url, trust_env=False).status_code == 200
    for url in stack.urls.values():
        with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
            probe.connect(("127.0.0.1", urlsplit(url).port or 0))


def test_a_table_is_printed_for_people(tmp_path: Path) -> None:
    """Resource, state and URL in aligned lines, then the dashboard; Ctrl-C is a normal end."""
    with started(UP, data_dir=tmp_path) as (process, errors):
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("dashboard: ")):
            lines.append(ready_line(process, errors))
        process.send_signal(signal.SIGINT)
        assert process.wait(END_DEADLINE_S) == 0

    table = {line.split()[0]: line.split()[1:3] for line in lines if line.strip()}
    assert table["resource"] == ["state", "url"]
    for name in SERVICES:
        state, url = table[name]
        assert state in ("running", "unavailable")
        assert url.startswith("http://127.0.0.1:")
    assert lines[-1].split()[1].endswith("/dashboard")


def test_a_detached_stack_is_found_by_a_second_up_and_stopped_by_down(tmp_path: Path) -> None:
    """`--detach` returns when ready, 75 names the first stack, `down` waits for its end."""
    detached = perfcompare(
        *UP, "--detach", "--json", "--directory", str(tmp_path), data_dir=tmp_path
    )
    assert detached.returncode == 0, detached.stderr
    ready = json.loads(detached.stdout)
    processes = [psutil.Process(ready["pid"]), *psutil.Process(ready["pid"]).children(True)]
    try:
        second = perfcompare("up", data_dir=tmp_path)
        assert second.returncode == 75
        assert f"pid {ready['pid']}" in second.stderr
        assert ready["dashboardUrl"] in second.stderr
        assert "dashboard: " in Path(ready["logFile"]).read_text()
    finally:
        stopped = perfcompare("down", data_dir=tmp_path)

    assert stopped.returncode == 0
    assert str(ready["pid"]) in stopped.stdout
    assert not living(processes)
    again = perfcompare("down", data_dir=tmp_path)
    assert (again.returncode, again.stdout) == (0, "no stack is running\n")


def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    """One line with the port and its owner."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = perfcompare(*UP, "--port-web", str(port), data_dir=tmp_path)

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"port {port} for web is already in use" in line
    assert f"(pid {psutil.Process().pid})" in line


def test_a_configuration_that_no_service_accepts_ends_the_start(tmp_path: Path) -> None:
    """The child's 78 becomes ours, its words are shown, and the others are stopped."""
    with started(UP, data_dir=tmp_path, environment={"PERFCOMPARE_PROT": "1"}) as (process, _):
        output, _ = process.communicate(timeout=END_DEADLINE_S)
    assert process.returncode == 78
    assert "unknown environment variable PERFCOMPARE_PROT" in output


def test_killing_the_orchestrator_leaves_no_child() -> None:
    """The kernel ends the children with it."""
    with running_stack() as stack:
        processes = stack.descendants()
        stack.process.kill()
        stack.process.wait()
        assert not living(processes)


def test_killing_the_orchestrator_while_it_starts_leaves_no_child(tmp_path: Path) -> None:
    """Also before a service has imported what would end it."""
    with started([*UP, "--json"], data_dir=tmp_path) as (process, _):
        leader = psutil.Process(process.pid)
        assert eventually(lambda: len(leader.children()) == len(SERVICES))
        children = leader.children(recursive=True)
        process.kill()
        process.wait()
        assert not living(children)


def test_a_stop_while_starting_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C does not have to wait for the start."""
    with started([*UP, "--json"], data_dir=tmp_path) as (process, _):
        leader = psutil.Process(process.pid)
        assert eventually(lambda: len(leader.children()) == len(SERVICES))
        children = leader.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=END_DEADLINE_S)
    assert (process.returncode, output) == (0, "")
    assert not living(children)


def test_unknown_options_are_a_usage_error(tmp_path: Path) -> None:
    """Exit code 2, like every command line."""
    assert perfcompare("up", "--no-such-option", data_dir=tmp_path).returncode == 2


def test_nothing_heavy_is_imported_to_start() -> None:
    """The services' frameworks would double the start time and the memory of the orchestrator."""
    script = (
        "import sys, orchestrator.cli\norchestrator.cli.main(['up', '--help'])\n"
        "heavy = {'fastapi', 'httpx', 'nicegui', 'pydantic', 'rich', 'starlette', 'typer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert printed.endswith("\n[]\n")
