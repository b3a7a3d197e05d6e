"""The life of a run, as one table of allowed transitions."""

from enum import Enum

from shared_models.results import RunStatus


class RunState(Enum):
    """Where a run is; the public status knows fewer words."""

    IDLE = "Idle"
    STARTING = "Starting"
    WARMING_UP = "WarmingUp"
    RUNNING = "Running"
    WAITING = "Waiting"
    """A gated run between two blocks."""
    COMPLETED = "Completed"
    STOPPED = "Stopped"
    FAILED = "Failed"


_ENDS = frozenset({RunState.STOPPED, RunState.FAILED})

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.IDLE: frozenset({RunState.STARTING}) | _ENDS,
    RunState.STARTING: frozenset({RunState.WARMING_UP}) | _ENDS,
    RunState.WARMING_UP: frozenset({RunState.RUNNING, RunState.WAITING}) | _ENDS,
    RunState.RUNNING: frozenset({RunState.WAITING, RunState.COMPLETED}) | _ENDS,
    RunState.WAITING: frozenset({RunState.RUNNING}) | _ENDS,
    RunState.COMPLETED: frozenset(),
    RunState.STOPPED: frozenset(),
    RunState.FAILED: frozenset(),
}

PUBLIC_STATUS: dict[RunState, RunStatus] = {
    RunState.IDLE: "Idle",
    RunState.STARTING: "Running",
    RunState.WARMING_UP: "Running",
    RunState.RUNNING: "Running",
    RunState.WAITING: "Running",
    RunState.COMPLETED: "Completed",
    RunState.STOPPED: "Stopped",
    RunState.FAILED: "Failed",
}


def transition(old: RunState, new: RunState) -> RunState:
    """Return `new`; raises ValueError when a run cannot go there from `old`."""
    if new not in TRANSITIONS[old]:
        raise ValueError(f"a run cannot go from {old.value} to {new.value}")
    return new


def is_terminal(state: RunState) -> bool:
    """Whether nothing follows this state."""
    return not TRANSITIONS[state]
