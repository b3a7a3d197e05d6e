"""The states of a resource and the one table of how they change."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a resource stands; the value is the word that people see."""

    NOT_STARTED = "not started"
    STARTING = "starting"
    PREPARING = "preparing"
    RUNNING = "running"
    UNAVAILABLE = "unavailable"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    EXITED = "exited"
    FAILED_TO_START = "failed to start"


class Event(Enum):
    """What can happen to a resource."""

    LAUNCHED = "launched"
    SPAWN_FAILED = "spawn failed"
    READY = "ready"
    PREPARING = "preparing"
    REFUSED_WORK = "refused work"
    """It answers and says why it cannot work."""
    WENT_SILENT = "went silent"
    """Several probes in a row had no answer."""
    DEADLINE_PASSED = "deadline passed"
    STOP_REQUESTED = "stop requested"
    ENDED = "ended"


SETTLED = frozenset(
    {State.RUNNING, State.UNAVAILABLE, State.UNHEALTHY, State.EXITED, State.FAILED_TO_START}
)
"""Nothing more is to be waited for."""

_ANSWERS = {
    Event.READY: State.RUNNING,
    Event.REFUSED_WORK: State.UNAVAILABLE,
    Event.STOP_REQUESTED: State.STOPPING,
}
_UP = {**_ANSWERS, Event.PREPARING: State.UNAVAILABLE, Event.ENDED: State.EXITED}

TABLE: dict[State, dict[Event, State]] = {
    State.NOT_STARTED: {
        Event.LAUNCHED: State.STARTING,
        Event.SPAWN_FAILED: State.FAILED_TO_START,
    },
    State.STARTING: {
        **_ANSWERS,
        Event.PREPARING: State.PREPARING,
        Event.DEADLINE_PASSED: State.FAILED_TO_START,
        Event.ENDED: State.FAILED_TO_START,
    },
    State.PREPARING: {
        **_ANSWERS,
        Event.PREPARING: State.PREPARING,
        Event.DEADLINE_PASSED: State.UNAVAILABLE,
        Event.ENDED: State.FAILED_TO_START,
    },
    State.RUNNING: {**_UP, Event.WENT_SILENT: State.UNHEALTHY},
    State.UNAVAILABLE: {**_UP, Event.WENT_SILENT: State.UNHEALTHY},
    State.UNHEALTHY: {**_UP, Event.WENT_SILENT: State.UNHEALTHY},
    State.STOPPING: {Event.STOP_REQUESTED: State.STOPPING, Event.ENDED: State.EXITED},
    State.EXITED: {},
    State.FAILED_TO_START: {Event.ENDED: State.FAILED_TO_START},
}


def transition(state: State, event: Event) -> State | None:
    """Return the next state, or None when the event means nothing in this one."""
    return TABLE[state].get(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A resource at one moment; `version` grows with every change of any resource."""

    name: str
    state: State
    url: str
    version: int = 0
    reason: str | None = None
    pid: int | None = None
    exit_code: int | None = None
