"""Streamed replies: per-call figures out of token times, by the names of the field.

Same names mean different things in different tools; these are the definitions of
StreamingFigures in shared_models, and of the decode rate that the server's own clock gives.
"""

import numpy as np

from .figures import StreamingMetrics
from .observations import Booleans, Floats, SideObservations
from .percentiles import percentile


def inter_token_s(side: SideObservations) -> Floats:
    """Return (last − first token) / (tokens − 1) per call; NaN below two tokens; (n,)."""
    columns = side.first_token_s, side.last_token_s, side.completion_tokens
    if columns[0] is None or columns[1] is None or columns[2] is None:
        return np.full(side.latency_s.shape, np.nan)
    first, last, tokens = columns[0], columns[1], columns[2]
    return _ratio(last - first, tokens - 1)


def time_per_output_token_s(side: SideObservations) -> Floats:
    """Return latency / tokens per call, first token included; NaN without tokens; (n,)."""
    return _ratio(side.latency_s, _column(side, side.completion_tokens))


def output_tokens_per_second(side: SideObservations) -> Floats:
    """Return tokens / latency per call; (n,)."""
    return _ratio(_column(side, side.completion_tokens), side.latency_s)


def decode_tokens_per_second(side: SideObservations) -> Floats:
    """Return (tokens − 1) / eval time per call; (n,).

    The server's timer spans the n − 1 steps after the first token, so that tokens / eval time
    would be n / (n − 1) too high.
    """
    steps = _column(side, side.completion_tokens) - 1
    return _ratio(np.where(steps > 0, steps, np.nan), _column(side, side.eval_s))


def streaming_metrics(side: SideObservations) -> StreamingMetrics:
    """Return the medians over the successful calls (milliseconds, tokens per second)."""
    counted = side.counted
    firsts = _known(_column(side, side.first_token_s), counted) * 1000
    return StreamingMetrics(
        time_to_first_token_ms=float(firsts.mean()) if len(firsts) else None,
        median_time_to_first_token_ms=_median(firsts),
        p95_time_to_first_token_ms=percentile(firsts, 0.95),
        inter_token_latency_ms=_median(_known(inter_token_s(side), counted) * 1000),
        time_per_output_token_ms=_median(_known(time_per_output_token_s(side), counted) * 1000),
        output_tokens_per_second=_median(_known(output_tokens_per_second(side), counted)),
        decode_tokens_per_second=_median(_known(decode_tokens_per_second(side), counted)),
    )


def _column(side: SideObservations, column: Floats | None) -> Floats:
    return np.full(side.latency_s.shape, np.nan) if column is None else column


def _ratio(above: Floats, below: Floats) -> Floats:
    found: Floats = np.full(above.shape, np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


def _known(values: Floats, counted: Booleans) -> Floats:
    return values[counted & np.isfinite(values)]


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if len(values) else None
