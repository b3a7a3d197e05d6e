"""The statistics of a comparison: pure functions over numpy arrays, no clock and no network.

Import it where figures are computed and not before: it brings numpy and scipy with it.
"""

from .analysis import analyse
from .figures import (
    Analysis,
    BreakdownMeans,
    EffectSize,
    Estimate,
    Estimated,
    Finding,
    Interval,
    LaunchAnalysis,
    PairAnalysis,
    SideAnalysis,
    StreamingMetrics,
    TokenSums,
)
from .observations import (
    PRIMARY_METRICS,
    SECONDARY_METRICS,
    Design,
    Metric,
    SideObservations,
    Slos,
)
from .power import calls_needed, launches_needed
from .wording import finding, verdict_sentence

__all__ = [
    "PRIMARY_METRICS",
    "SECONDARY_METRICS",
    "Analysis",
    "BreakdownMeans",
    "Design",
    "EffectSize",
    "Estimate",
    "Estimated",
    "Finding",
    "Interval",
    "LaunchAnalysis",
    "Metric",
    "PairAnalysis",
    "SideAnalysis",
    "SideObservations",
    "Slos",
    "StreamingMetrics",
    "TokenSums",
    "analyse",
    "calls_needed",
    "finding",
    "launches_needed",
    "verdict_sentence",
]
