"""The table of resources: rich on a terminal, aligned columns in a pipe."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADINGS = ("resource", "state", "url", "")
_COLOURS = {"running": "green", "unavailable": "yellow", "external": "cyan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One resource for people."""

    resource: str
    state: str
    url: str
    note: str = ""

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The cells from left to right."""
        return (self.resource, self.state, self.url, self.note)


def plain(rows: Sequence[Row]) -> str:
    """Return the table as aligned lines."""
    table = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in table
    )


def colourful(rows: Sequence[Row], *, width: int) -> str:
    """Return the table for a terminal."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for row in rows:
        state = Text(row.state, style=_COLOURS.get(row.state, "red"))
        table.add_row(row.resource, state, row.url, row.note)
    console = Console(file=StringIO(), force_terminal=True, width=width)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")
