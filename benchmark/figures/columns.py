"""The seam between the sample log and the figures that only some runs have."""

from typing import Protocol

from shared_models.agent_protocol import Sample


class ModeColumns(Protocol):
    """Columns that are filled sample by sample; cheap, since the agent is being timed meanwhile."""

    def open_block(self) -> None:
        """Begin a new block."""

    def add(self, process: int, sample: Sample, offset_ns: int) -> None:
        """Take a sample, cancelled ones too, of a block that began `offset_ns` into the run."""


class Mean:
    """A running mean over the samples that have the figure."""

    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.total = 0
        self.count = 0

    def add(self, value: int | None) -> None:
        """Count a value; None is unknown and changes nothing."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        """The mean, or None without a value."""
        return self.total / self.count if self.count else None
