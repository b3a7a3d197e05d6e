"""Faster, slower, equivalent or inconclusive: what an estimate allows to be said (4.6, 4.15)."""

import math
from collections.abc import Sequence

from shared_models import Verdict

from .launches import LogEstimate
from .multiplicity import holm


def decide(found: LogEstimate, *, margin: float, alpha: float = 0.05) -> Verdict:
    """Return the verdict on one candidate.

    With L = ln(1 + margin): `slower` when the 1 − α interval lies above L, `faster` when below
    −L, `equivalent` when the 1 − 2α interval lies inside (−L, L), which is two one-sided tests
    at α; else `inconclusive`.
    """
    return decide_all([found], margin=margin, alpha=alpha)[0]


def decide_all(
    found: Sequence[LogEstimate], *, margin: float, alpha: float = 0.05
) -> list[Verdict]:
    """Return the verdicts on several candidates against one baseline.

    Each claim's p-value is adjusted by Holm over the candidates: the chance that any `slower` or
    `faster` is wrong stays below α, and so does that of any wrong `equivalent`. With one
    candidate this is exactly the rule of `decide`.
    """
    bound = math.log1p(margin)
    beyond = holm([2 * min(e.p_above(bound), e.p_below(-bound)) for e in found])
    within = holm([max(e.p_above(-bound), e.p_below(bound)) for e in found])
    return [
        _verdict(e.mean, p_beyond, p_within, alpha)
        for e, p_beyond, p_within in zip(found, beyond, within, strict=True)
    ]


def _verdict(mean: float, p_beyond: float, p_within: float, alpha: float) -> Verdict:
    if p_beyond < alpha:
        return "slower" if mean > 0 else "faster"
    return "equivalent" if p_within < alpha else "inconclusive"
