"""The table of states, exhaustively."""

import pytest

from orchestrator.states import SETTLED, TABLE, Event, State, transition

S, E = State, Event
EXPECTED = {
    (S.NOT_STARTED, E.LAUNCHED): S.STARTING,
    (S.NOT_STARTED, E.SPAWN_FAILED): S.FAILED_TO_START,
    (S.STARTING, E.READY): S.RUNNING,
    (S.STARTING, E.PREPARING): S.PREPARING,
    (S.STARTING, E.REFUSED_WORK): S.UNAVAILABLE,
    (S.STARTING, E.DEADLINE_PASSED): S.FAILED_TO_START,
    (S.STARTING, E.STOP_REQUESTED): S.STOPPING,
    (S.STARTING, E.ENDED): S.FAILED_TO_START,
    (S.PREPARING, E.READY): S.RUNNING,
    (S.PREPARING, E.PREPARING): S.PREPARING,
    (S.PREPARING, E.REFUSED_WORK): S.UNAVAILABLE,
    (S.PREPARING, E.DEADLINE_PASSED): S.UNAVAILABLE,
    (S.PREPARING, E.STOP_REQUESTED): S.STOPPING,
    (S.PREPARING, E.ENDED): S.FAILED_TO_START,
    **{
        pair: after
        for state in (S.RUNNING, S.UNAVAILABLE, S.UNHEALTHY)
        for pair, after in {
            (state, E.READY): S.RUNNING,
            (state, E.PREPARING): S.UNAVAILABLE,
            (state, E.REFUSED_WORK): S.UNAVAILABLE,
            (state, E.WENT_SILENT): S.UNHEALTHY,
            (state, E.STOP_REQUESTED): S.STOPPING,
            (state, E.ENDED): S.EXITED,
        }.items()
    },
    (S.STOPPING, E.STOP_REQUESTED): S.STOPPING,
    (S.STOPPING, E.ENDED): S.EXITED,
    (S.FAILED_TO_START, E.ENDED): S.FAILED_TO_START,
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_event_in_every_state_leads_where_it_should(state: State, event: Event) -> None:
    """What is not listed means nothing there."""
    assert EXPECTED.get((state, event)) == transition(state, event)


def test_the_table_knows_every_state() -> None:
    """A new state must say what can happen in it."""
    assert set(State) == set(TABLE)


def test_stopping_is_never_undone_by_a_late_probe() -> None:
    """A health answer that arrives after the stop request changes nothing."""
    assert not any(transition(S.STOPPING, e) for e in (E.READY, E.PREPARING, E.REFUSED_WORK))


def test_every_settled_state_can_be_reached() -> None:
    """Waiting for a settled stack ends."""
    reached = {after for events in TABLE.values() for after in events.values()}
    assert reached >= SETTLED
