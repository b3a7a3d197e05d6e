"""What `up` tells people: changes, the table, the children's lines."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from .console import Console, Line, rendered, shown
from .output import Output
from .plan import External
from .states import Snapshot, State
from .table import Row, colourful, plain

TAIL_LINES = 20
_TOLD = frozenset({State.PREPARING, State.EXITED, State.FAILED_TO_START, State.UNHEALTHY})
_RESET = "\x1b[0m"
_COLOURS = tuple(f"\x1b[{code}m" for code in (36, 35, 33, 34, 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything that the table shows."""

    snapshots: Iterable[Snapshot]
    externals: Iterable[External]
    dashboard_url: str
    note: str | None = None


class Reporter:
    """Turns what happens into lines."""

    def __init__(self, output: Output, names: Iterable[str], *, verbose: bool) -> None:
        self._output = output
        self._verbose = verbose
        self._started = False
        self._stopping = False
        self._names = list(names)
        self._width = max((len(name) for name in self._names), default=0)

    def board(self, board: Board) -> None:
        """Show the table and the dashboard's address."""
        self._started = True
        rows = [*map(_row, board.snapshots), *map(_external_row, board.externals)]
        if self._output.is_terminal:
            table = colourful(rows, width=shutil.get_terminal_size().columns)
        else:
            table = plain(rows)
        self._output.line(table)
        if board.note:
            self._output.line(f"note: {board.note}")
        self._output.line(f"\ndashboard: {board.dashboard_url}    (Ctrl-C stops everything)")

    def message(self, text: str) -> None:
        """Show one line of ours."""
        self._output.line(text)

    def stopping(self, why: str) -> None:
        """Say that everything ends now; from here on, ends are no news."""
        self._stopping = True
        self._output.line(why)

    def changed(self, snapshot: Snapshot, console: Console) -> None:
        """Tell a change that people should know, with the last lines of a child that died."""
        ignored = snapshot.state is State.STOPPING and snapshot.reason is not None
        news = snapshot.state in _TOLD and not self._stopping
        recovered = self._started and snapshot.state in (State.RUNNING, State.UNAVAILABLE)
        if not (news or ignored or recovered):
            return
        reason = f": {snapshot.reason}" if snapshot.reason else ""
        self._output.line(f"{snapshot.name} is {_word(snapshot.state)}{reason}")
        if snapshot.state in (State.EXITED, State.FAILED_TO_START) and not self._verbose:
            for line in console.tail(TAIL_LINES):
                self._show(line)

    def line(self, line: Line) -> None:
        """Show a child's line if it is worth it."""
        if self._verbose or (self._started and not self._stopping and shown(line)):
            self._show(line)

    def _show(self, line: Line) -> None:
        prefix = line.resource.ljust(self._width)
        if self._output.is_terminal:
            colour = _COLOURS[self._names.index(line.resource) % len(_COLOURS)]
            prefix = f"{colour}{prefix}{_RESET}"
        for part in rendered(line).split("\n"):
            self._output.line(f"{prefix} | {part}")


def _word(state: State) -> str:
    words = {State.RUNNING: "running again", State.FAILED_TO_START: "not started"}
    return words.get(state, state.value)


def _row(snapshot: Snapshot) -> Row:
    return Row(
        resource=snapshot.name,
        state=snapshot.state.value,
        url=snapshot.url,
        note=snapshot.reason or "",
    )


def _external_row(external: External) -> Row:
    return Row(
        resource=external.name,
        state="unavailable" if external.unavailable else "external",
        url=external.url,
        note=external.unavailable or external.detail or "",
    )
