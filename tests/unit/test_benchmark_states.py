"""The life of a run as a table."""

import itertools

import pytest

from benchmark.states import PUBLIC_STATUS, RunState, is_terminal, transition

S = RunState
ALLOWED = {
    (S.IDLE, S.STARTING),
    (S.STARTING, S.WARMING_UP),
    (S.WARMING_UP, S.RUNNING),
    (S.WARMING_UP, S.WAITING),
    (S.WAITING, S.RUNNING),
    (S.RUNNING, S.WAITING),
    (S.RUNNING, S.COMPLETED),
    *itertools.product(
        (S.IDLE, S.STARTING, S.WARMING_UP, S.RUNNING, S.WAITING), (S.STOPPED, S.FAILED)
    ),
}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S, S)))
def test_a_run_goes_forward_only(old: RunState, new: RunState) -> None:
    """Every pair of states is either in the table or refused."""
    if (old, new) in ALLOWED:
        assert new is transition(old, new)
    else:
        with pytest.raises(ValueError, match=f"{old.value} to {new.value}"):
            transition(old, new)


@pytest.mark.parametrize("state", list(S))
def test_only_the_three_ends_are_terminal(state: RunState) -> None:
    """Whoever waits for the end of a run waits for one of these."""
    assert (state in {S.COMPLETED, S.STOPPED, S.FAILED}) is is_terminal(state)


def test_every_state_has_one_of_the_five_public_words() -> None:
    """Clients of the original see no new word."""
    assert set(S) == set(PUBLIC_STATUS)
    assert {"Idle", "Running", "Completed", "Stopped", "Failed"} == set(PUBLIC_STATUS.values())
    unfinished = (S.STARTING, S.WARMING_UP, S.RUNNING, S.WAITING)
    assert {"Running"} == {PUBLIC_STATUS[state] for state in unfinished}
