"""Starts all children at once, follows their health, and stops them within a deadline."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import anyio

from . import processes
from .console import Console, Line
from .errors import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_OK, SpawnFailed
from .plan import Launch, Plan
from .probes import Health, Observation, observe
from .states import SETTLED, Event, Snapshot, State, transition

_EVENTS = {
    Health.READY: Event.READY,
    Health.PREPARING: Event.PREPARING,
    Health.UNAVAILABLE: Event.REFUSED_WORK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long everything may take, in seconds."""

    probe_timeout_s: float = 1.0
    probe_first_delay_s: float = 0.1
    probe_max_delay_s: float = 1.0
    probe_idle_delay_s: float = 2.0
    silent_probes: int = 3
    """Unanswered probes in a row after which a running service counts as unhealthy."""
    start_deadline_s: float = 30.0
    prepare_deadline_s: float = 300.0
    stop_grace_s: float = 5.0
    crowded_s: float = 3.0
    """A child that has not answered by then no longer keeps others from starting."""
    drain_s: float = 0.2
    """How long the rest of a dead child's output is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """Who is told what happens; none of them may block."""

    on_change: Callable[[Snapshot, Console], None]
    """Called with the new snapshot and the child's console, for its last lines."""
    on_line: Callable[[Line], None]
    on_end: Callable[[str], None]
    """Called with the name of a child that ended for good, to close its listener."""


class Supervisor:
    """The children of one plan."""

    def __init__(self, plan: Plan, watchers: Watchers, *, timing: Timing | None = None) -> None:
        self._plan = plan
        self._watchers = watchers
        self._timing = timing or Timing()
        self._children: dict[str, processes.Child] = {}
        self._answered = {launch.name: anyio.Event() for launch in plan.launches}
        self._settled = {launch.name: anyio.Event() for launch in plan.launches}
        self._decided = anyio.Event()
        self._stopping = anyio.Event()
        self._version = 0
        self._snapshots = {
            launch.name: Snapshot(name=launch.name, state=State.NOT_STARTED, url=launch.url)
            for launch in plan.launches
        }
        self._consoles = {
            launch.name: Console(launch.name, on_line=watchers.on_line) for launch in plan.launches
        }

    @property
    def snapshots(self) -> Mapping[str, Snapshot]:
        """Every child as it is now."""
        return dict(self._snapshots)

    def start_failure(self) -> int:
        """Return the exit code that children which failed to start call for; 0 when none did."""
        failed = [s for s in self._snapshots.values() if s.state is State.FAILED_TO_START]
        if not failed:
            return EXIT_OK
        told = any(snapshot.exit_code == EXIT_CONFIGURATION for snapshot in failed)
        return EXIT_CONFIGURATION if told else EXIT_FAILED

    async def decided(self) -> None:
        """Return when every child is ready or has said why it is not, or when one failed."""
        await self._decided.wait()

    def stop(self) -> None:
        """Ask for the end; `run` returns when everything is down."""
        self._stopping.set()

    def kill(self) -> None:
        """Kill every child at once."""
        self._stopping.set()
        for child in self._children.values():
            child.kill()

    async def run(self) -> None:
        """Start the children and return when all have ended, each with its process group."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._stop_when_asked)
                await self._follow_all()
                group.cancel_scope.cancel()
        finally:
            for child in self._children.values():
                child.kill()

    async def _follow_all(self) -> None:
        # A start is all imports. More of them at once than there are cores only slow each other,
        # the longest most; so dependants, which are the longest, go first and none waits for
        # another's health. Their sockets are bound already.
        free_cores = anyio.Semaphore(max(2, os.cpu_count() or 2))
        async with anyio.create_task_group() as group:
            for launch in reversed(self._plan.launches):
                await free_cores.acquire()
                if self._stopping.is_set():
                    break
                await self._launch(launch)
                if launch.name in self._children:
                    group.start_soon(self._follow, launch)
                group.start_soon(self._release_when_answered, launch.name, free_cores)

    async def _release_when_answered(self, name: str, free_cores: anyio.Semaphore) -> None:
        if name in self._children:
            with anyio.move_on_after(self._timing.crowded_s):
                await self._answered[name].wait()
        free_cores.release()

    async def _launch(self, launch: Launch) -> None:
        descriptor = launch.environment.get("PERFCOMPARE_LISTEN_FD")
        try:
            child = await processes.spawn(
                launch.command,
                environment=launch.environment,
                descriptors=() if descriptor is None else (int(descriptor),),
            )
        except SpawnFailed as error:
            self._apply(launch.name, Event.SPAWN_FAILED, reason=str(error))
            return
        self._children[launch.name] = child
        self._apply(launch.name, Event.LAUNCHED, pid=child.pid)

    async def _follow(self, launch: Launch) -> None:
        child, console = self._children[launch.name], self._consoles[launch.name]
        stdout, stderr = child.outputs
        async with anyio.create_task_group() as pumps:
            pumps.start_soon(partial(console.pump, stdout, is_error=False))
            pumps.start_soon(partial(console.pump, stderr, is_error=True))
            async with anyio.create_task_group() as health:
                health.start_soon(self._watch_health, launch)
                code = await child.wait()
                health.cancel_scope.cancel()
            await child.clear_group()
            # A pipe that an escaped grandchild still holds never ends by itself.
            pumps.cancel_scope.deadline = anyio.current_time() + self._timing.drain_s
        await child.close()
        self._answered[launch.name].set()
        self._apply(launch.name, Event.ENDED, reason=describe_exit(code), exit_code=code)
        self._watchers.on_end(launch.name)

    async def _watch_health(self, launch: Launch) -> None:
        launched_at = anyio.current_time()
        delay_s, silent = self._timing.probe_first_delay_s, 0
        while True:
            seen = await observe(
                launch.url, launch.health_path, timeout_s=self._timing.probe_timeout_s
            )
            silent = silent + 1 if seen.health is Health.SILENT else 0
            if not silent:
                self._answered[launch.name].set()
            if seen.health is Health.READY:
                await self._dependencies_settled(launch)
            self._heed(launch, seen, silent=silent, age_s=anyio.current_time() - launched_at)
            settled = self._snapshots[launch.name].state in SETTLED
            await anyio.sleep(self._timing.probe_idle_delay_s if settled else delay_s)
            delay_s = min(2 * delay_s, self._timing.probe_max_delay_s)

    def _heed(self, launch: Launch, seen: Observation, *, silent: int, age_s: float) -> None:
        event = _EVENTS.get(seen.health)
        state = self._snapshots[launch.name].state
        if state is State.PREPARING and age_s > self._timing.prepare_deadline_s:
            self._apply(launch.name, Event.DEADLINE_PASSED, reason=seen.reason)
        elif event is not None:
            self._apply(launch.name, event, reason=seen.reason)
        elif state is State.STARTING and age_s > self._timing.start_deadline_s:
            reason = f"no health answer within {self._timing.start_deadline_s:g} s: {seen.reason}"
            self._apply(launch.name, Event.DEADLINE_PASSED, reason=reason)
        elif silent >= self._timing.silent_probes:
            self._apply(launch.name, Event.WENT_SILENT, reason=seen.reason)

    async def _dependencies_settled(self, launch: Launch) -> None:
        for name in launch.waits_for:
            await self._settled[name].wait()

    async def _stop_when_asked(self) -> None:
        await self._stopping.wait()
        grace_ends = anyio.current_time() + self._timing.stop_grace_s
        for name, child in self._children.items():
            self._apply(name, Event.STOP_REQUESTED)
            child.ask_to_stop()
        await anyio.sleep_until(grace_ends)
        for name, child in self._children.items():
            if self._snapshots[name].exit_code is None:
                reason = f"ignored the request for {self._timing.stop_grace_s:g} s, killed"
                self._apply(name, Event.STOP_REQUESTED, reason=reason)
                child.kill()

    def _apply(
        self,
        name: str,
        event: Event,
        *,
        reason: str | None = None,
        pid: int | None = None,
        exit_code: int | None = None,
    ) -> None:
        current = self._snapshots[name]
        state = transition(current.state, event)
        if state is None:
            return
        self._version += 1
        changed = replace(
            current,
            state=state,
            version=self._version,
            # What went wrong first is worth more than how it was then ended.
            reason=current.reason if current.state is State.FAILED_TO_START else reason,
            pid=current.pid if pid is None else pid,
            exit_code=current.exit_code if exit_code is None else exit_code,
        )
        self._snapshots[name] = changed
        if state in SETTLED:
            self._settled[name].set()
        if state is State.FAILED_TO_START or all(e.is_set() for e in self._settled.values()):
            self._decided.set()
        if (current.state, current.reason) != (changed.state, changed.reason):
            self._watchers.on_change(changed, self._consoles[name])


def describe_exit(code: int) -> str:
    """Return an exit code in words."""
    if code < 0:
        return f"ended by {processes.signal_name(-code)}"
    meaning = ": its configuration is wrong" if code == EXIT_CONFIGURATION else ""
    return f"ended with exit code {code}{meaning}"
