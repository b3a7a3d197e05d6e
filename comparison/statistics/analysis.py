"""From observations to figures, verdicts and findings: the one entry point of this package."""

from collections.abc import Sequence

from .figures import Analysis
from .findings import find
from .observations import Design, SideObservations
from .pairs import analyse_pairs, measure_pair
from .sides import analyse_side
from .wording import headline


def analyse(sides: Sequence[SideObservations], design: Design) -> Analysis:
    """Compare every further side with the first, the baseline.

    Pure: the same observations and design always give the same analysis. One side gives figures
    without pairs. With R launches the verdict rests on one log ratio per launch; `judge` in
    pairs.py says which verdict is possible when. Raises ValueError without sides.
    """
    if not sides:
        raise ValueError("an analysis needs at least one side")
    measured = [measure_pair(sides, index, design) for index in range(1, len(sides))]
    pairs = analyse_pairs(measured, design)
    figures = tuple(analyse_side(side, design) for side in sides)
    return Analysis(
        verdict=pairs[0].verdict if pairs else "none",
        reason=pairs[0].reason if pairs else None,
        headline=headline([side.label for side in sides], pairs, design),
        sides=figures,
        pairs=pairs,
        findings=find(sides, figures, measured, pairs, design),
    )
