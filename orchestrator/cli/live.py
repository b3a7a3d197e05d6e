"""How far a comparison is: a bar on a terminal, a line now and then in a pipe."""

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from shared_models import ComparisonProgress, ComparisonReport

STEPS = 4
"""A pipe gets a line for each quarter of the work, and for each phase."""


class LiveProgress:
    """Shows reports as they come, on a stream that is not the result's."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told = ""
        self._bar: Progress | None = None
        if stream.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
            )
            self._bar = Progress(*columns, console=Console(file=stream), transient=True)
            self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, report: ComparisonReport) -> None:
        """Show a report's progress; in a pipe only what is news."""
        progress = report.progress
        if self._bar:
            self._bar.update(
                self._task,
                description=f"{_where(progress)}{_left(progress)}",
                completed=progress.done,
                total=progress.total or None,
            )
            return
        line = f"{_where(progress)}, {_quarter(progress)} % done"
        if line != self._told and report.status == "Running":
            self._told = line
            self._stream.write(line + _left(progress) + "\n")
            self._stream.flush()


def span(milliseconds: int) -> str:
    """Return a time for people: 8 s, 3 min 05 s, 1 h 02 min."""
    seconds = round(milliseconds / 1000)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def _where(progress: ComparisonProgress) -> str:
    if progress.launches > 1 and progress.launch:
        return f"launch {progress.launch} of {progress.launches}: {progress.phase}"
    return progress.phase


def _quarter(progress: ComparisonProgress) -> int:
    return progress.done * STEPS // progress.total * 100 // STEPS if progress.total else 0


def _left(progress: ComparisonProgress) -> str:
    return f", {span(progress.remaining_ms)} left" if progress.remaining_ms else ""
