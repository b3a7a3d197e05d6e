"""Streamed replies: when the first token came, and how fast the others followed."""

from array import array

from benchmark.percentiles import Ranked, median, milliseconds, percentile_or_none
from shared_models.agent_protocol import Sample
from shared_models.results import StreamingFigures


class Streaming:
    """Columns over the successful calls; the definitions are those of StreamingFigures."""

    def __init__(self) -> None:
        self._first_ns = array("q")
        self._between_ns = array("q")
        self._per_token_ns = array("q")

    def open_block(self) -> None:
        """Do nothing: a call's tokens do not depend on its block."""

    def add(self, process: int, sample: Sample, offset_ns: int) -> None:
        """Take a sample; a reply without text has no first token."""
        if sample.outcome != "ok":
            return
        first_ns, last_ns = sample.first_token_ns, sample.last_token_ns
        tokens = sample.completion_tokens
        if first_ns is not None:
            self._first_ns.append(first_ns)
        if not tokens:
            return
        self._per_token_ns.append(round(sample.duration_ns / tokens))
        if tokens > 1 and first_ns is not None and last_ns is not None:
            self._between_ns.append(round((last_ns - first_ns) / (tokens - 1)))

    def figures(self) -> StreamingFigures:
        """Return the figures; null where no call knows them."""
        first = Ranked(self._first_ns)
        per_token_ns = median(Ranked(self._per_token_ns))
        return StreamingFigures(
            time_to_first_token_ms=milliseconds(first.mean),
            median_time_to_first_token_ms=milliseconds(median(first)),
            p95_time_to_first_token_ms=milliseconds(percentile_or_none(first, 0.95)),
            inter_token_latency_ms=milliseconds(median(Ranked(self._between_ns))),
            time_per_output_token_ms=milliseconds(per_token_ns),
            # The median of the inverses is the inverse of the median, but for ties in the middle.
            output_tokens_per_second=1e9 / per_token_ns if per_token_ns else None,
        )
