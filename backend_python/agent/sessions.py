"""The sessions of the scenario `conversation`: each serves so many turns and is thrown away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Session:
    """A conversation that goes on; `history` is the flavour's own object."""

    history: Any
    turns: int = 0


class SessionPool:
    """The sessions of a run: a worker takes an idle one, or opens one when there is none.

    They outlive a block, so that a run that goes on in several blocks goes on with its turns.
    """

    def __init__(self, new_history: Callable[[], Any], *, turns: int) -> None:
        """Each session has `turns` turns."""
        self._new_history = new_history
        self._turns = turns
        self._idle: list[Session] = []

    def take(self) -> Session:
        """Return a session that has a turn left, with that turn counted."""
        session = self._idle.pop() if self._idle else Session(self._new_history())
        session.turns += 1
        return session

    def give_back(self, session: Session, *, succeeded: bool) -> None:
        """Let the session go on; a failed turn ends it, for nobody knows what its history holds."""
        if succeeded and session.turns < self._turns:
            self._idle.append(session)
