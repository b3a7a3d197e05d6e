"""The seam between the timed loops and the flavours: make the call of this iteration."""

from collections.abc import Callable
from typing import Any, Protocol

OnText = Callable[[], None]
"""Told of each piece of a streamed answer that holds text, as soon as the flavour shows it."""


class Caller(Protocol):
    """Asks the model in one flavour. One serves all iterations of a process, also side by side."""

    def new_history(self) -> Any:
        """Return what a conversation is kept in; `ask` reads it and adds its turn."""

    async def ask(self, prompt: str, *, history: Any = None, on_text: OnText | None = None) -> None:
        """Make one iteration's calls, streamed when there is an `on_text`.

        Raises whatever the flavour raises. What the server said is judged by others, from the
        recorded exchanges.
        """
