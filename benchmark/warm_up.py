"""The warm-up of a run: untimed calls, made as the run's own will be."""

from collections.abc import Callable
from time import monotonic

from shared_models.agent_protocol import Sample, WarmupParams

from .agents import Agents
from .blocks import concurrency
from .errors import BridgeProtocol, ModelNotFound, RunError
from .metrics import RunRecord
from .percentiles import NS_PER_MS
from .warm_up_rules import WarmUpRule, warm_up_rule

MAX_CONSECUTIVE_FAILURES = 5


class WarmUpCalls:
    """Makes the calls that the rule asks for and keeps what they gave in the run's record.

    Each agent process makes them all; the rule and the figures look at the first process.
    """

    def __init__(self, record: RunRecord, run_id: str, *, margin_s: float) -> None:
        """`margin_s` is how long an agent may be silent beyond its calls' own time limits."""
        self._record = record
        self._run_id = run_id
        self._margin_s = margin_s
        mode = record.configuration.test_mode
        # An open loop has no use for a warm-up at its own pace: it would take minutes.
        self._mode = "standard" if mode == "rate" else mode
        self._concurrency = concurrency(record.configuration, self._mode)
        self._failures_in_a_row = 0

    async def make(self, agents: Agents, *, may_end: Callable[[], bool]) -> None:
        """Make the calls until the rule has enough or `may_end`.

        Raises ModelNotFound, RunError after five failures in a row, and what the agents raise.
        """
        rule = warm_up_rule(self._record.configuration, self._concurrency)
        started = monotonic()
        while (calls := rule.next_calls(monotonic() - started)) is not None and not may_end():
            await self._request(agents, rule, calls, may_end)
            if self._record.warm_up.iterations:
                self._record.warm_up.duration_ms = (monotonic() - started) * 1e3
        warm_up = self._record.warm_up
        warm_up.ended = rule.ended
        warm_up.window_medians_ms = [median / NS_PER_MS for median in rule.window_medians_ns]

    async def _request(
        self, agents: Agents, rule: WarmUpRule, calls: int, may_end: Callable[[], bool]
    ) -> None:
        timeout_s = self._record.configuration.request_timeout_seconds
        started = monotonic()
        params = WarmupParams(
            run_id=self._run_id,
            iterations=calls,
            first_sequence=self._record.warm_up.iterations + 1,
            mode=self._mode,
            concurrency=self._concurrency,
        )
        answers = await agents.warm_up(params, silence_s=calls * timeout_s + self._margin_s)
        rule.take(answers[0], monotonic() - started)
        self._record.look_at_first(answers[0])
        for samples in answers:
            if len(samples) != calls and not may_end():
                raise BridgeProtocol(
                    f"the agent made {len(samples)} of {calls} calls of the warm-up"
                )
            for sample in samples:
                _refuse_missing_model(sample)
        for sample in answers[0]:
            self._count(sample)

    def _count(self, sample: Sample) -> None:
        warm_up = self._record.warm_up
        warm_up.iterations += 1
        if sample.outcome == "ok":
            warm_up.successful = True
            self._failures_in_a_row = 0
        elif sample.outcome != "cancelled":
            warm_up.failure_count += 1
            self._failures_in_a_row += 1
        if self._failures_in_a_row >= MAX_CONSECUTIVE_FAILURES:
            cause = sample.error_message or sample.error_kind
            raise RunError(f"{MAX_CONSECUTIVE_FAILURES} calls in a row failed: {cause}")


def _refuse_missing_model(sample: Sample) -> None:
    if sample.error_kind == "model-not-found":
        raise ModelNotFound(sample.error_message or "the model was not found")
