"""What only some runs have: figures of batches, open loops, streamed replies and scenarios.

Each keeps its columns while the samples come in and makes its wire model when asked.
"""

from .batches import Batches
from .columns import Mean, ModeColumns
from .open_loop import OpenLoop
from .scenarios import ScenarioCalls
from .streaming import Streaming

__all__ = ["Batches", "Mean", "ModeColumns", "OpenLoop", "ScenarioCalls", "Streaming"]
