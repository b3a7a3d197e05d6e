"""The supervisor with real children: short scripts that serve health on an inherited socket."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from textwrap import dedent

import anyio
import psutil
import pytest

from orchestrator.console import Console, Line
from orchestrator.listeners import Listeners
from orchestrator.plan import Launch, Plan
from orchestrator.states import Snapshot, State
from orchestrator.supervisor import Supervisor, Timing, Watchers

HANG_S = 20.0
QUICK = Timing(
    probe_timeout_s=0.3,
    probe_first_delay_s=0.02,
    probe_max_delay_s=0.05,
    probe_idle_delay_s=0.05,
    start_deadline_s=HANG_S,
    stop_grace_s=HANG_S,
)
SERVER = """
import os, signal, socket, subprocess, sys, time
listener = socket.socket(fileno=int(os.environ["PERFCOMPARE_LISTEN_FD"]))
def answer(status, body=b"{}"):
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.0 %d x\\r\\n\\r\\n%s" % (status, body))
    connection.close()
"""
HEALTHY = SERVER + "while True: answer(200)"


@dataclass
class Seen:
    """Everything that a supervisor told."""

    snapshots: list[Snapshot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def changed(self, snapshot: Snapshot, _console: Console) -> None:
        self.snapshots.append(snapshot)

    def states(self, name: str) -> list[State]:
        return [snapshot.state for snapshot in self.snapshots if snapshot.name == name]


@dataclass
class Running:
    """A supervisor, and what it told so far."""

    supervisor: Supervisor
    seen: Seen

    def now(self, name: str) -> Snapshot:
        return self.supervisor.snapshots[name]

    async def reaches(self, name: str, state: State) -> Snapshot:
        with anyio.fail_after(HANG_S):
            while self.now(name).state is not state:  # noqa: ASYNC110 - a test may poll
                await anyio.sleep(0.01)
        return self.now(name)


@contextmanager
def _planned(
    scripts: Mapping[str, str], waits_for: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[Plan, Listeners]]:
    with Listeners() as listeners:
        ports = {name: listeners.bind(name, 0) for name in scripts}
        launches = tuple(
            Launch(
                name=name,
                command=(sys.executable, "-u", "-c", dedent(script)),
                environment={"PERFCOMPARE_LISTEN_FD": str(listeners.descriptors()[name])},
                url=f"http://127.0.0.1:{ports[name]}",
                health_path="/health",
                waits_for=waits_for.get(name, ()),
            )
            for name, script in scripts.items()
        )
        yield Plan(launches=launches), listeners


@asynccontextmanager
async def _running(
    scripts: Mapping[str, str],
    *,
    waits_for: Mapping[str, tuple[str, ...]] | None = None,
    timing: Timing = QUICK,
) -> AsyncIterator[Running]:
    seen = Seen()

    def on_end(name: str) -> None:
        seen.ended.append(name)
        listeners.close(name)

    with _planned(scripts, waits_for or {}) as (plan, listeners):
        watchers = Watchers(on_change=seen.changed, on_line=seen.lines.append, on_end=on_end)
        supervisor = Supervisor(plan, watchers, timing=timing)
        with anyio.fail_after(3 * HANG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(supervisor.run)
                yield Running(supervisor, seen)
                supervisor.stop()


async def _everything_down(scripts: Mapping[str, str], *, timing: Timing = QUICK) -> Seen:
    """Run the scripts until they end by themselves or are stopped once decided."""
    async with _running(scripts, timing=timing) as running:
        await running.supervisor.decided()
    return running.seen


async def test_children_become_running_and_stop_on_request() -> None:
    """The whole way, seen from outside."""
    async with _running({"a": HEALTHY, "b": HEALTHY}) as running:
        await running.supervisor.decided()
        assert {State.RUNNING} == {s.state for s in running.supervisor.snapshots.values()}
    assert running.seen.states("a") == [State.STARTING, State.RUNNING, State.STOPPING, State.EXITED]
    assert {"a", "b"} == set(running.seen.ended)


async def test_versions_only_grow() -> None:
    """A reader can tell the newer of two snapshots."""
    seen = await _everything_down({"a": HEALTHY, "b": HEALTHY})
    versions = [snapshot.version for snapshot in seen.snapshots]
    assert versions == sorted(set(versions))


async def test_a_dependent_counts_as_running_only_after_its_dependency() -> None:
    """Both start at once; only the health order waits."""
    slow = SERVER + "time.sleep(0.3)\nwhile True: answer(200)"
    async with _running({"slow": slow, "web": HEALTHY}, waits_for={"web": ("slow",)}) as running:
        await running.supervisor.decided()
    order = [s.name for s in running.seen.snapshots if s.state is State.RUNNING]
    assert order == ["slow", "web"]


async def test_a_reason_makes_a_service_unavailable_and_it_may_recover() -> None:
    """A backend without an agent stays alive, and says why."""
    script = (
        SERVER
        + """
for _ in range(5): answer(503, b'{"reason":"no agent here"}')
while True: answer(200)
"""
    )
    async with _running({"a": script}) as running:
        await running.supervisor.decided()
        assert running.now("a").reason == "no agent here"
        await running.reaches("a", State.RUNNING)
    assert State.UNAVAILABLE in running.seen.states("a")


async def test_a_service_that_says_it_is_preparing_is_waited_for() -> None:
    """Beyond the start deadline, because it answers."""
    script = (
        SERVER
        + """
for _ in range(10): answer(503, b'{"reason":"the agent is being built"}')
while True: answer(200)
"""
    )
    timing = replace(QUICK, start_deadline_s=0.1)
    async with _running({"a": script}, timing=timing) as running:
        await running.supervisor.decided()
        assert State.RUNNING is running.now("a").state
    assert State.PREPARING in running.seen.states("a")


async def test_preparing_ends_at_its_deadline() -> None:
    """It is then unavailable, with its own reason."""
    script = SERVER + """while True: answer(503, b'{"reason":"building"}')"""
    timing = replace(QUICK, prepare_deadline_s=0.2)
    async with _running({"a": script}, timing=timing) as running:
        await running.supervisor.decided()
        assert State.UNAVAILABLE is running.now("a").state


@pytest.mark.parametrize(("code", "expected"), [(0, 1), (1, 1), (78, 78)])
async def test_a_child_that_ends_while_starting_decides_the_exit_code(
    code: int, expected: int
) -> None:
    """78 means configuration and is passed on; its last words are kept."""
    script = f"import sys; print('last words', file=sys.stderr); sys.exit({code})"
    async with _running({"bad": script, "good": HEALTHY}) as running:
        await running.supervisor.decided()
        assert expected == running.supervisor.start_failure()
        assert State.FAILED_TO_START is running.now("bad").state
    assert "last words" in [line.text for line in running.seen.lines]


async def test_a_missing_executable_fails_to_start() -> None:
    """No retry, no crash."""
    launch = Launch(
        name="a", command=("/nonexistent",), environment={}, url="http://x", health_path="/"
    )
    seen = Seen()
    watchers = Watchers(on_change=seen.changed, on_line=seen.lines.append, on_end=seen.ended.append)
    supervisor = Supervisor(Plan(launches=(launch,)), watchers)
    with anyio.fail_after(HANG_S):
        await supervisor.run()
    assert supervisor.start_failure() == 1
    assert "No such file" in str(supervisor.snapshots["a"].reason)


async def test_silence_past_the_deadline_is_a_failed_start() -> None:
    """An accepted connection alone proves nothing."""
    timing = replace(QUICK, start_deadline_s=0.2)
    async with _running({"a": "import time; time.sleep(60)"}, timing=timing) as running:
        await running.supervisor.decided()
        failed = running.now("a")
    assert State.FAILED_TO_START is failed.state
    assert "no health answer" in str(running.now("a").reason)


async def test_a_death_is_seen_and_the_others_keep_running() -> None:
    """The signal is named, and the listener is given up."""
    async with _running({"a": HEALTHY, "b": HEALTHY}) as running:
        await running.supervisor.decided()
        os.kill(running.now("a").pid or 0, signal.SIGKILL)
        dead = await running.reaches("a", State.EXITED)
        assert dead.reason == "ended by SIGKILL"
        assert running.seen.ended == ["a"]
        assert State.RUNNING is running.now("b").state


async def test_a_stopped_process_is_unhealthy_and_obeys_the_stop() -> None:
    """TERM alone would wait for ever behind SIGSTOP."""
    async with _running({"a": HEALTHY}) as running:
        await running.supervisor.decided()
        os.kill(running.now("a").pid or 0, signal.SIGSTOP)
        await running.reaches("a", State.UNHEALTHY)
    assert running.now("a").exit_code == -signal.SIGTERM


async def test_who_ignores_the_request_is_killed_after_the_grace() -> None:
    """Counted from the request, and said."""
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HEALTHY
    timing = replace(QUICK, stop_grace_s=0.2)
    async with _running({"a": script}, timing=timing) as running:
        await running.supervisor.decided()
    assert running.now("a").exit_code == -signal.SIGKILL
    assert any("ignored the request" in str(s.reason) for s in running.seen.snapshots)


async def test_kill_ends_everything_at_once() -> None:
    """The second Ctrl-C does not wait for the grace."""
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HEALTHY
    async with _running({"a": script}) as running:
        await running.supervisor.decided()
        running.supervisor.stop()
        running.supervisor.kill()
    assert running.now("a").exit_code == -signal.SIGKILL


GRANDCHILD = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("grandchild", child.pid)
"""


async def test_nothing_in_a_group_survives_the_stop() -> None:
    """One signal reaches everything that a child started."""
    script = SERVER + GRANDCHILD + "while True: answer(200)"
    async with _running({"a": script}) as running:
        await running.supervisor.decided()
        grandchild = await _grandchild(running)
        assert _alive(grandchild)
    assert not _alive(grandchild)


async def test_the_end_is_seen_while_a_grandchild_holds_the_pipe() -> None:
    """The group dies with its leader."""
    script = SERVER + GRANDCHILD + "answer(200)\nanswer(200)"
    async with _running({"a": script}) as running:
        await running.supervisor.decided()
        await running.reaches("a", State.EXITED)
        assert not _alive(await _grandchild(running))


def _alive(pid: int) -> bool:
    # Its new parent may take a moment to reap it; a zombie runs nothing.
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _grandchild(running: Running) -> int:
    with anyio.fail_after(HANG_S):
        while True:
            for line in running.seen.lines:
                if line.text.startswith("grandchild "):
                    return int(line.text.split()[1])
            await anyio.sleep(0.01)


async def test_a_flood_does_not_block_the_child_or_the_stop() -> None:
    """The pump keeps reading whatever comes."""
    script = (
        SERVER
        + """
import threading
def flood():
    while True: os.write(1, b"x" * 100_000 + b"\\n" * 1000)
threading.Thread(target=flood, daemon=True).start()
while True: answer(200)
"""
    )
    seen = await _everything_down({"a": script})
    assert State.RUNNING in seen.states("a")


async def test_a_child_that_never_started_leaves_no_listener() -> None:
    """Its callers are refused and do not wait."""
    async with _running({"a": "pass", "b": HEALTHY}) as running:
        await running.reaches("a", State.FAILED_TO_START)
        port = int(running.now("a").url.rpartition(":")[2])
        with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", port))
