"""The runs of one backend: one active, or several gated ones side by side; the last remembered.

Of gated runs only one at a time has a block that runs: they measure on the same machine.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import anyio
from anyio.abc import TaskGroup

from service_defaults.discovery import service_url
from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointUnresolved, ProblemError
from service_defaults.settings import process_environment
from shared_models.configuration import DEFAULT_ENDPOINT, TestConfiguration

from .acceptance import completed, refusal
from .blocks import Grant
from .launcher import AgentLauncher
from .session import STOP_GRACE_S, BlockEnd, RunSession
from .states import RunState, is_terminal

REMEMBERED = 8
MAX_OPEN = 8
"""Gated runs side by side."""
SHUTDOWN_GRACE_S = 0.3


class Runs:
    """Starts, finds, advances and stops runs.

    Starting never ends a run that somebody else is watching.
    """

    def __init__(self, launcher: AgentLauncher, policy: EndpointPolicy, group: TaskGroup) -> None:
        """`group` lives as long as the service and owns every run."""
        self._launcher = launcher
        self._policy = policy
        self._group = group
        self._sessions: OrderedDict[str, RunSession] = OrderedDict()
        self._claimed: set[str] = set()

    @property
    def latest(self) -> RunSession | None:
        """The run that was started last."""
        return next(reversed(self._sessions.values()), None)

    @property
    def open(self) -> list[RunSession]:
        """The runs that go on, oldest first: one, or gated ones."""
        return [one for one in self._sessions.values() if not is_terminal(one.state)]

    def find(self, session_id: str | None) -> RunSession | None:
        """Return a run by its id, the latest without one; raises a 404 ProblemError.

        Who asks for a gated run by its id keeps it waiting for its next block.
        """
        if session_id is None:
            return self.latest
        if session_id not in self._sessions:
            raise ProblemError(404, "There is no such run")
        session = self._sessions[session_id]
        session.touch()
        return session

    async def start(self, configuration: TestConfiguration) -> RunSession:
        """Accept a run and return it at once.

        Raises ProblemError: 409 while a run is active, 422 for what this backend cannot do, 503
        without an agent; and EndpointError for an endpoint that is not allowed.
        """
        self._check_supported(configuration)
        self._check_free(configuration)
        configuration = await self._complete(configuration)
        self._check_free(configuration)  # others may have come meanwhile; from here nothing waits
        session = RunSession(self._launcher, configuration)
        self._sessions[session.id] = session
        self._forget_old()
        self._group.start_soon(session.execute, self._policy)
        return session

    def _check_free(self, configuration: TestConfiguration) -> None:
        others = self.open
        if others and not (configuration.gated and others[0].configuration.gated):
            raise ProblemError(409, "A run is active", detail=f"session {others[0].id}")
        if len(others) >= MAX_OPEN:
            raise ProblemError(409, "Too many runs are open", detail=f"at most {MAX_OPEN}")
        if (reason := self._launcher.unavailable()) is not None:
            raise ProblemError(503, "No agent can be launched", detail=reason)

    def _forget_old(self) -> None:
        ended = [key for key, one in self._sessions.items() if is_terminal(one.state)]
        for key in ended[: max(0, len(self._sessions) - REMEMBERED)]:
            del self._sessions[key]

    def claim(self, session_id: str, grant: Grant) -> RunSession:
        """Reserve a gated run for the next block; `advance` must follow and lets go of it.

        Raises ProblemError: 404 for an unknown run, 409 while a block runs or is waited for and
        for a run that is not gated or has ended, 422 for more than what is left of the run.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise ProblemError(404, "There is no such run")
        if not session.configuration.gated:
            raise ProblemError(409, "The run is not gated")
        if is_terminal(session.state):
            raise ProblemError(409, "The run has ended", detail=session.message)
        if session_id in self._claimed:
            raise ProblemError(409, "A block of this run has been asked for")
        self._check_no_block()
        if (refused := session.refusal(grant)) is not None:
            field, reason = refused
            raise ProblemError(422, "This block is not possible", detail=reason, field=field)
        self._claimed.add(session_id)
        return session

    async def advance(self, session: RunSession, grant: Grant) -> BlockEnd:
        """Run the next block of a claimed run; waits while the run starts and warms up.

        Raises a 409 ProblemError when another run's block has come first.
        """
        try:
            await session.settled()
            self._check_no_block()
            return await session.advance(grant)
        finally:
            self._claimed.discard(session.id)

    def _check_no_block(self) -> None:
        for one in self._sessions.values():
            if one.state is RunState.RUNNING:
                raise ProblemError(409, "A block is running", detail=f"session {one.id}")

    async def stop(self, session_id: str | None) -> bool:
        """Stop a run, without an id all that go on; returns whether there was one to stop."""
        found = self.find(session_id) if session_id else None
        sessions = [one for one in ([found] if found else self.open) if not is_terminal(one.state)]
        await _stop_all(sessions, STOP_GRACE_S)
        return bool(sessions)

    async def shut_down(self) -> None:
        """End what goes on quickly; the service is going away."""
        await _stop_all(self.open, SHUTDOWN_GRACE_S)

    @staticmethod
    def endpoint() -> str:
        """Return the model server that a run without an endpoint uses."""
        found = service_url("ollama", process_environment())
        return found or DEFAULT_ENDPOINT

    async def _complete(self, configuration: TestConfiguration) -> TestConfiguration:
        endpoint = configuration.endpoint or self.endpoint()
        with suppress(EndpointUnresolved):  # the run itself fails with that cause
            await self._policy.check(endpoint)
        return completed(configuration, endpoint)

    def _check_supported(self, configuration: TestConfiguration) -> None:
        if (refused := refusal(configuration, self._launcher.description)) is not None:
            field, reason = refused
            raise ProblemError(422, "The backend cannot do this", detail=reason, field=field)


async def _stop_all(sessions: Sequence[RunSession], grace_s: float) -> None:
    async with anyio.create_task_group() as group:
        for session in sessions:
            group.start_soon(partial(session.stop, grace_s=grace_s))
