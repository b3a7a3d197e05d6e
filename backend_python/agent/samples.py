"""What becomes of an iteration after its clock has stopped: a sample under its wire names."""

from typing import Any

from shared_models.agent_protocol import ErrorKind

from .iteration import Iteration
from .recording import Exchange
from .replies import Judgement, judge

MAX_MESSAGE = 500
_SUMMED = (
    "transportNs",
    "modelNs",
    "loadNs",
    "promptEvalNs",
    "evalNs",
    "promptTokens",
    "completionTokens",
)


def sample_of(iteration: Iteration, origin_ns: int) -> dict[str, Any]:
    """Return an ended iteration's sample; `origin_ns` is the block's start."""
    exchanges = iteration.recorder.exchanges
    judgements = [judge(exchange) for exchange in exchanges]
    calls = [
        _call(exchange, judgement.figures, iteration.end_ns, origin_ns)
        for exchange, judgement in zip(exchanges, judgements, strict=True)
    ]
    sample: dict[str, Any] = {
        "sequence": iteration.sequence,
        "worker": iteration.worker,
        "startNs": iteration.start_ns - origin_ns,
        "durationNs": iteration.end_ns - iteration.start_ns,
        **_sums(calls),
        **_outcome(iteration, judgements),
        "calls": calls,
    }
    if iteration.batch is not None:
        sample["batch"] = iteration.batch
    if iteration.intended_ns is not None:
        sample["intendedStartNs"] = iteration.intended_ns - origin_ns
    if iteration.chunks is not None:
        sample |= _streamed(iteration, iteration.chunks)
    return sample | _scenario(iteration, sample)


def succeeded(iteration: Iteration) -> bool:
    """Whether an ended iteration is a success."""
    judgements = [judge(exchange) for exchange in iteration.recorder.exchanges]
    return _outcome(iteration, judgements)["outcome"] == "ok"


def _streamed(iteration: Iteration, chunks: int) -> dict[str, Any]:
    figures = {"chunks": chunks}
    if chunks:
        figures["firstTokenNs"] = iteration.first_token_ns - iteration.start_ns
        figures["lastTokenNs"] = iteration.last_token_ns - iteration.start_ns
    return figures


def _scenario(iteration: Iteration, sample: dict[str, Any]) -> dict[str, Any]:
    match iteration.scenario:
        case "tools":
            recorder = iteration.recorder
            return {"toolCalls": recorder.tool_calls, "toolNs": recorder.tool_ns}
        case "conversation":
            return {"turn": iteration.turn}
        case "structured" if sample.get("errorKind") in (None, "invalid-reply"):
            return {"parsed": sample["outcome"] == "ok"}
        case _:
            return {}


def _call(
    exchange: Exchange, figures: dict[str, Any], iteration_end_ns: int, origin_ns: int
) -> dict[str, Any]:
    start_ns, end_ns = exchange.start_ns, exchange.end_ns
    call = {
        "startNs": start_ns - origin_ns,
        "durationNs": (end_ns or iteration_end_ns) - start_ns,
        "httpStartNs": start_ns - origin_ns,
        **figures,
    }
    if end_ns is not None:
        call["transportNs"] = end_ns - start_ns
    return call


def _sums(calls: list[dict[str, Any]]) -> dict[str, int]:
    """Sum each figure over the calls; a figure that one call lacks is unknown for the whole."""
    if len(calls) == 1:
        call = calls[0]
        return {name: call[name] for name in _SUMMED if name in call}
    return {
        name: sum(call[name] for call in calls)
        for name in _SUMMED
        if calls and all(name in call for call in calls)
    }


def _outcome(iteration: Iteration, judgements: list[Judgement]) -> dict[str, str]:
    if iteration.cancelled:
        return {"outcome": "cancelled", "errorKind": "cancelled"}
    if iteration.expired:
        return {"outcome": "timeout", "errorKind": "timeout"}
    for judgement in judgements:
        if judgement.kind == "timeout":
            return {"outcome": "timeout", "errorKind": "timeout"}
        if judgement.kind is not None:
            return _failed(judgement.kind, judgement.message or "")
    error = iteration.error
    if error is not None:
        return _failed("invalid-reply", f"{type(error).__name__}: {error}")
    if not judgements:
        return _failed("invalid-reply", "the agent answered without asking the model")
    return {"outcome": "ok"}


def _failed(kind: ErrorKind, message: str) -> dict[str, str]:
    return {"outcome": "error", "errorKind": kind, "errorMessage": message[:MAX_MESSAGE]}
