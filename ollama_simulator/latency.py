"""How long a simulated call takes: drawn from a seeded distribution, in whole nanoseconds.

Nothing here sleeps or reads a clock. A plan is only the intention; what a reply reports is what
the generation measured, except for a first token that nobody sees.
"""

import random
from dataclasses import dataclass
from typing import Literal, get_args

from ollama_simulator.errors import InvalidSetting

Distribution = Literal["fixed", "normal", "lognormal"]

DISTRIBUTIONS: tuple[str, ...] = get_args(Distribution)
NS_PER_MS = 1_000_000

_PROMPT_SHARE = 0.3
"""Part of the base time that passes before the first token."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When the tokens of one call are due, counted from the moment its slot was granted."""

    first_token_ns: int
    gap_ns: float

    def due_ns(self, index: int) -> int:
        """Nanoseconds after the grant at which token `index` (from 0) is due."""
        return self.first_token_ns + round(index * self.gap_ns)

    @property
    def is_instant(self) -> bool:
        """Whether the call is to take no time at all."""
        return self.first_token_ns == 0 and self.gap_ns == 0


INSTANT = Plan(first_token_ns=0, gap_ns=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """Times of one call, in milliseconds.

    `latency_ms` is the whole of a warm call whatever its length: the value itself when fixed, the
    mean when normal, the median when lognormal. `sigma` is relative to it (normal), or the
    standard deviation of its logarithm (lognormal). The other times are added to it.
    Raises InvalidSetting when a value makes no sense.
    """

    latency_ms: float = 20.0
    distribution: Distribution = "lognormal"
    sigma: float = 0.05
    token_ms: float = 0.0
    prompt_ms: float = 0.0
    prompt_token_ms: float = 0.0
    load_ms: float = 200.0

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise InvalidSetting("distribution", f"is one of {', '.join(DISTRIBUTIONS)}")
        for name in _TIMES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidSetting(name, "is a number")
            if not 0 <= value <= _LONGEST_MS:
                raise InvalidSetting(name, f"is between 0 and {_LONGEST_MS:g}")
        if self.sigma > _WIDEST_SIGMA:
            raise InvalidSetting("sigma", f"is at most {_WIDEST_SIGMA:g}")

    @property
    def is_instant(self) -> bool:
        """Whether a warm call is to take no time at all."""
        return not (self.latency_ms or self.token_ms or self.prompt_ms or self.prompt_token_ms)

    @property
    def load_ns(self) -> int:
        """Time in nanoseconds to load a cold model."""
        return round(self.load_ms * NS_PER_MS)

    def plan(self, rng: random.Random, *, prompt_tokens: int, tokens: int) -> Plan:
        """The times of a call that evaluates `prompt_tokens` and answers with `tokens`."""
        if self.is_instant:
            return INSTANT
        gaps = tokens - 1
        base_ms = self._base_ms(rng)
        before_ms = base_ms * _PROMPT_SHARE if gaps > 0 else base_ms
        gap_ms = (base_ms - before_ms) / gaps + self.token_ms if gaps > 0 else 0.0
        first_ms = before_ms + self.prompt_ms + self.prompt_token_ms * prompt_tokens
        return Plan(first_token_ns=round(first_ms * NS_PER_MS), gap_ns=gap_ms * NS_PER_MS)

    def _base_ms(self, rng: random.Random) -> float:
        if self.latency_ms == 0 or self.distribution == "fixed":
            return self.latency_ms
        if self.distribution == "normal":
            return max(0.0, rng.gauss(self.latency_ms, self.sigma * self.latency_ms))
        return self.latency_ms * rng.lognormvariate(0.0, self.sigma)


_TIMES = ("latency_ms", "sigma", "token_ms", "prompt_ms", "prompt_token_ms", "load_ms")
_LONGEST_MS = 3_600_000.0
_WIDEST_SIGMA = 10.0
