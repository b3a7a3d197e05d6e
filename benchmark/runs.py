"""The runs of one backend: at most one active, the last few remembered."""

from collections import OrderedDict
from contextlib import suppress

from anyio.abc import TaskGroup

from service_defaults.discovery import service_url
from service_defaults.endpoints import EndpointPolicy
from service_defaults.errors import EndpointUnresolved, ProblemError
from service_defaults.settings import process_environment
from shared_models.configuration import DEFAULT_ENDPOINT, TestConfiguration

from .launcher import AgentLauncher
from .session import RunSession
from .states import is_terminal

REMEMBERED = 8
SHUTDOWN_GRACE_S = 0.3


class Runs:
    """Starts, finds and stops runs. Starting never ends a run that somebody else is watching."""

    def __init__(self, launcher: AgentLauncher, policy: EndpointPolicy, group: TaskGroup) -> None:
        """`group` lives as long as the service and owns every run."""
        self._launcher = launcher
        self._policy = policy
        self._group = group
        self._sessions: OrderedDict[str, RunSession] = OrderedDict()

    @property
    def latest(self) -> RunSession | None:
        """The run that was started last."""
        return next(reversed(self._sessions.values()), None)

    @property
    def active(self) -> RunSession | None:
        """The run that goes on, if there is one."""
        latest = self.latest
        return latest if latest is not None and not is_terminal(latest.state) else None

    def find(self, session_id: str | None) -> RunSession | None:
        """Return a run by its id, the latest without one; raises a 404 ProblemError."""
        if session_id is None:
            return self.latest
        if session_id not in self._sessions:
            raise ProblemError(404, "There is no such run")
        return self._sessions[session_id]

    async def start(self, configuration: TestConfiguration) -> RunSession:
        """Accept a run and return it at once.

        Raises ProblemError: 409 while a run is active, 422 for what this backend cannot do, 503
        without an agent; and EndpointError for an endpoint that is not allowed.
        """
        self._check_supported(configuration)
        self._check_free()
        configuration = await self._with_endpoint(configuration)
        self._check_free()  # others may have come meanwhile; from here on nothing waits
        session = RunSession(self._launcher, configuration)
        self._sessions[session.id] = session
        while len(self._sessions) > REMEMBERED:
            self._sessions.popitem(last=False)
        self._group.start_soon(session.execute, self._policy)
        return session

    def _check_free(self) -> None:
        if (active := self.active) is not None:
            raise ProblemError(409, "A run is active", detail=f"session {active.id}")
        if (reason := self._launcher.unavailable()) is not None:
            raise ProblemError(503, "No agent can be launched", detail=reason)

    async def stop(self, session_id: str | None) -> bool:
        """Stop a run, the active one without an id; returns whether there was one to stop."""
        session = self.find(session_id) if session_id else self.active
        if session is None or is_terminal(session.state):
            return False
        await session.stop()
        return True

    async def shut_down(self) -> None:
        """End the active run quickly; the service is going away."""
        if (active := self.active) is not None:
            await active.stop(grace_s=SHUTDOWN_GRACE_S)

    @staticmethod
    def endpoint() -> str:
        """Return the model server that a run without an endpoint uses."""
        found = service_url("ollama", process_environment())
        return found or DEFAULT_ENDPOINT

    async def _with_endpoint(self, configuration: TestConfiguration) -> TestConfiguration:
        endpoint = configuration.endpoint or self.endpoint()
        with suppress(EndpointUnresolved):  # the run itself fails with that cause
            await self._policy.check(endpoint)
        return configuration.model_copy(update={"endpoint": endpoint})

    def _check_supported(self, configuration: TestConfiguration) -> None:
        description = self._launcher.description
        checks = {
            "testMode": configuration.test_mode in description.modes,
            "scenario": configuration.scenario in description.scenarios,
            "flavour": configuration.flavour in description.flavours,
            "warmupIterations": configuration.warmup_iterations != "auto",
            "ratePerSecond": configuration.rate_per_second is None,
            "arrivals": configuration.arrivals == "constant",
            "durationSeconds": configuration.duration_seconds is None,
            "agentProcesses": configuration.agent_processes == 1,
            "gated": not configuration.gated,
        }
        for field, supported in checks.items():
            if not supported:
                raise ProblemError(
                    422,
                    "The backend cannot do this",
                    detail=f"this value of {field} is not supported by this backend",
                    field=field,
                )
