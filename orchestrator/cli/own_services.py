"""A simulator and two backends of our own on free ports, for as long as a command needs them."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from orchestrator import apphost, processes
from orchestrator.errors import SpawnFailed
from orchestrator.listeners import Listeners
from orchestrator.plan import Plan, Surroundings, plan
from orchestrator.states import State
from orchestrator.supervisor import Supervisor, Watchers
from orchestrator.surroundings import Settings

RESOURCES = (apphost.OLLAMA, apphost.SIMULATOR, apphost.PYTHON_BACKEND, apphost.DOTNET_BACKEND)


@asynccontextmanager
async def own_services(
    settings: Settings, *, simulator: Mapping[str, str], directory: Path
) -> AsyncIterator[Mapping[str, str]]:
    """Yield the URL of each service once all are ready; afterwards none of them is left.

    `simulator` is added to the environment, as the simulator's own variables. Raises SpawnFailed
    when a service does not get ready.
    """
    with Listeners() as listeners:
        made = _plan(settings, simulator, listeners, directory)
        watchers = Watchers(
            on_change=lambda snapshot, console: None,
            on_line=lambda line: None,
            on_end=listeners.close,
        )
        supervisor = Supervisor(made, watchers)
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(supervisor.run)
            try:
                await supervisor.decided()
                _check(supervisor)
                yield {launch.name: launch.url for launch in made.launches}
            except Exception as error:  # kept out of the task group, which would wrap it
                failure = error
            supervisor.stop()
        if failure is not None:
            raise failure


def _check(supervisor: Supervisor) -> None:
    for snapshot in supervisor.snapshots.values():
        if snapshot.state is not State.RUNNING:
            reason = f": {snapshot.reason}" if snapshot.reason else ""
            raise SpawnFailed(f"{snapshot.name} is {snapshot.state.value}{reason}")


def _plan(
    settings: Settings, simulator: Mapping[str, str], listeners: Listeners, directory: Path
) -> Plan:
    resources = [r for r in apphost.application().resources if r.name in RESOURCES]
    ports = {r.name: listeners.bind(r.name, 0) for r in resources if r.module is not None}
    return plan(
        resources,
        ports=ports,
        descriptors=listeners.descriptors(),
        externals=(),
        surroundings=Surroundings(
            caller={**settings.environment, **simulator},
            data_dir=directory,
            launcher=processes.own_pid(),
            instance=secrets.token_hex(4),
        ),
    )
