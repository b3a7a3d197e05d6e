"""Scenarios: what the iterations were made of, and how the turns of a conversation differ."""

from array import array
from collections import defaultdict

from benchmark.percentiles import Ranked, median, milliseconds
from shared_models.agent_protocol import Sample
from shared_models.results import ScenarioFigures, TurnFigures

from .columns import Mean


class ScenarioCalls:
    """Counts over the successful iterations, and columns for each turn."""

    def __init__(self) -> None:
        self._model_calls = 0
        self._tool_calls = 0
        self._invalid = 0
        self._turns: defaultdict[int, _Turn] = defaultdict(_Turn)

    def open_block(self) -> None:
        """Do nothing: sessions go on from block to block."""

    def add(self, process: int, sample: Sample, offset_ns: int) -> None:
        """Take a sample."""
        self._invalid += sample.parsed is False
        if sample.outcome != "ok":
            return
        self._model_calls += len(sample.calls)
        self._tool_calls += sample.tool_calls or 0
        if sample.turn:
            self._turns[sample.turn].add(sample)

    def figures(self) -> ScenarioFigures:
        """Return the figures, the turns in their order."""
        return ScenarioFigures(
            model_calls=self._model_calls,
            tool_calls=self._tool_calls,
            invalid_answers=self._invalid,
            turns=[self._turns[turn].figures(turn) for turn in sorted(self._turns)],
        )


class _Turn:
    """The calls that were the n-th of their session."""

    __slots__ = ("_framework_ns", "_latencies_ns", "_prompt_tokens")

    def __init__(self) -> None:
        self._latencies_ns = array("q")
        self._framework_ns = Mean()
        self._prompt_tokens = Mean()

    def add(self, sample: Sample) -> None:
        intended_ns = sample.intended_start_ns
        lag_ns = 0 if intended_ns is None else sample.start_ns - intended_ns
        self._latencies_ns.append(sample.duration_ns + lag_ns)
        if sample.transport_ns is not None:
            outside_ns = sample.transport_ns + (sample.tool_ns or 0)
            self._framework_ns.add(sample.duration_ns - outside_ns)
        self._prompt_tokens.add(sample.prompt_tokens)

    def figures(self, turn: int) -> TurnFigures:
        return TurnFigures(
            turn=turn,
            success_count=len(self._latencies_ns),
            median_ms=milliseconds(median(Ranked(self._latencies_ns))),
            framework_ms=milliseconds(self._framework_ns.value),
            prompt_tokens=self._prompt_tokens.value,
        )
