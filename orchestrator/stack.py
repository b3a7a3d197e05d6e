"""One run of the whole stack, from the lock to the last child's end."""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals

import anyio

from . import apphost, lock, model_server, processes
from .errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from .listeners import Listeners
from .model import Resource
from .model_server import Choice, Question, Simulate
from .output import Output
from .plan import Plan, Surroundings, plan
from .reporter import Board, Reporter
from .supervisor import Supervisor, Watchers
from .surroundings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the caller of `up` asked for."""

    directory: Path
    """The data directory of this stack; its lock is the stack's."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Ports that replace the diagram's."""
    free_ports: bool = False
    """Let the system choose every port that is not given."""
    simulate: Simulate = Simulate.IF_NEEDED
    verbose: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan whose sockets are listening."""

    plan: Plan
    choice: Choice
    urls: Mapping[str, str]


def run(options: Options, settings: Settings, *, ready: Callable[[str], None]) -> int:
    """Run the stack until it is stopped; returns the exit code.

    `ready` gets one line of JSON once everything has settled. Raises AlreadyRunning, PortInUse
    and the other OrchestratorErrors, with nothing left running.
    """
    processes.watch_by_descriptor()
    with lock.locked(options.directory) as held, Listeners() as listeners:
        return anyio.run(_run, _Stack(options, settings, held, listeners, ready))


async def _run(stack: "_Stack") -> int:
    processes.adopt_orphans()
    try:
        async with processes.stop_signals() as signals:
            return await stack.run(signals)
    finally:
        processes.sweep()


class _Stack:
    def __init__(
        self,
        options: Options,
        settings: Settings,
        held: lock.Lock,
        listeners: Listeners,
        ready: Callable[[str], None],
    ) -> None:
        self._options = options
        self._settings = settings
        self._lock = held
        self._listeners = listeners
        self._ready = ready
        self._code = EXIT_OK
        self._stop_asked = False

    async def run(self, signals: AsyncIterator[Signals]) -> int:
        """Prepare, start, follow, stop."""
        prepared = await self._prepare()
        output = Output(2 if self._options.as_json else 1)
        names = [launch.name for launch in prepared.plan.launches]
        reporter = Reporter(output, names, verbose=self._options.verbose)
        watchers = Watchers(
            on_change=reporter.changed, on_line=reporter.line, on_end=self._listeners.close
        )
        supervisor = Supervisor(prepared.plan, watchers)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._obey, signals, supervisor, reporter)
                group.start_soon(self._announce, prepared, supervisor, reporter)
                await supervisor.run()
                group.cancel_scope.cancel()
            if not self._stop_asked and self._code == EXIT_OK:
                reporter.message("every service has ended")
                self._code = EXIT_FAILED
        finally:
            output.close()
        return self._code

    async def _prepare(self) -> Prepared:
        resources = apphost.application().resources
        choice = await model_server.choose(self._question(resources))
        ports = {
            resource.name: self._listeners.bind(resource.name, self._port(resource, choice))
            for resource in resources
            if resource.module is not None
            and (resource.stands_in_for is None or choice.simulator_port is not None)
        }
        made = plan(
            resources,
            ports=ports,
            descriptors=self._listeners.descriptors(),
            externals=(choice.external,) if choice.external else (),
            surroundings=Surroundings(
                caller=self._settings.environment,
                data_dir=self._options.directory,
                launcher=processes.own_pid(),
                instance=secrets.token_hex(4),
            ),
        )
        urls = {launch.name: launch.url for launch in made.launches}
        urls.update((external.name, external.url) for external in made.externals)
        return Prepared(plan=made, choice=choice, urls=urls)

    def _question(self, resources: tuple[Resource, ...]) -> Question:
        ollama = next(resource for resource in resources if resource.name == apphost.OLLAMA)
        return Question(
            name=ollama.name,
            port=self._options.ports.get(ollama.name, ollama.port),
            configured_url=self._settings.address_of(ollama.name),
            policy=self._options.simulate,
        )

    def _port(self, resource: Resource, choice: Choice) -> int:
        chosen = self._options.ports.get(resource.name)
        if chosen is not None:
            return chosen
        if self._options.free_ports:
            return 0
        if resource.stands_in_for is not None and choice.simulator_port is not None:
            return choice.simulator_port
        return resource.port

    def _publish(self, prepared: Prepared) -> None:
        pid = processes.own_pid()
        urls = {lock.DASHBOARD: _dashboard(prepared), **prepared.urls}
        self._lock.publish(lock.Record(pid=pid, startTime=processes.start_time(pid), urls=urls))

    async def _obey(
        self, signals: AsyncIterator[Signals], supervisor: Supervisor, reporter: Reporter
    ) -> None:
        async for _ in signals:
            if self._stop_asked:
                self._code = EXIT_INTERRUPTED
                supervisor.kill()
            else:
                self._stop_asked = True
                reporter.stopping("stopping …")
                supervisor.stop()

    async def _announce(
        self, prepared: Prepared, supervisor: Supervisor, reporter: Reporter
    ) -> None:
        self._publish(prepared)
        await supervisor.decided()
        self._code = supervisor.start_failure()
        if self._stop_asked:
            return
        if self._code != EXIT_OK:
            reporter.stopping("the stack could not start: stopping the rest …")
            supervisor.stop()
            return
        snapshots = list(supervisor.snapshots.values())[::-1]
        reporter.board(
            Board(
                snapshots=snapshots,
                externals=prepared.plan.externals,
                dashboard_url=_dashboard(prepared),
                note=prepared.choice.note,
            )
        )
        states = {snapshot.name: snapshot.state.value for snapshot in snapshots}
        self._ready(_ready_line(prepared, states))


def _dashboard(prepared: Prepared) -> str:
    return prepared.urls[apphost.WEB] + apphost.DASHBOARD_PATH


def _ready_line(prepared: Prepared, states: Mapping[str, str]) -> str:
    return json.dumps(
        {
            "pid": processes.own_pid(),
            "dashboardUrl": _dashboard(prepared),
            "urls": prepared.urls,
            "states": states,
        }
    )
