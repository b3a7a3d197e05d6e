"""A block of calls as both sides saw it: what was asked for, told, and requested of the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared_models.agent_protocol import RunParams, RunResult, Sample, SamplesParams
from shared_models.configuration import TestMode

from .errors import Breach, Unjudgeable
from .model_server import ModelRequest
from .peer import Heard

SIDE_BY_SIDE = 3
"""Concurrency of the modes that have one."""
RATE_PER_SECOND = 200.0
IN_FLIGHT = 50
ALL_MODES: tuple[TestMode, ...] = ("standard", "batch", "concurrent", "streaming", "rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block that has ended. Times ending in `at_ns` are `monotonic_ns` of this process."""

    asked: RunParams
    result: RunResult
    samples: Sequence[Sample]
    """In the order of their numbers."""
    requests: Sequence[ModelRequest]
    """What reached the model server since the last reset."""
    began_at_ns: int
    heard_at_ns: Sequence[int]
    """When each `samples` notification came."""
    ended_at_ns: int

    def all_succeeded(self) -> "Block":
        """Return the block itself; raises Breach when a call failed or is missing."""
        for sample in self.samples:
            if sample.outcome != "ok":
                raise Breach(
                    f"call {sample.sequence} ended as {sample.outcome} "
                    f"({sample.error_kind}: {sample.error_message})"
                )
        if not self.samples:
            raise Breach("the block gave no sample")
        return self


def block_params(mode: TestMode, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a `run` in `mode`: six calls unless told otherwise."""
    params: dict[str, Any] = {"firstSequence": 1, "iterations": 6, "mode": mode, "concurrency": 1}
    if mode in ("batch", "concurrent"):
        params["concurrency"] = SIDE_BY_SIDE
    if mode == "rate":
        params |= {"concurrency": IN_FLIGHT, "ratePerSecond": RATE_PER_SECOND}
    params |= changes
    return {name: value for name, value in params.items() if value is not None}


def result_of(reply: dict[str, Any]) -> RunResult:
    """Return what ended a block; raises Breach for an error, Unjudgeable when it is malformed."""
    if "result" not in reply:
        raise Breach(f"the block was refused: {reply['error']}")
    try:
        return RunResult.model_validate(reply["result"])
    except ValidationError as error:
        raise Unjudgeable(f"the result of run is malformed: {first_fault(error)}") from None


def samples_of(run_id: str, heard: Sequence[Heard]) -> tuple[list[Sample], list[int]]:
    """Return a block's samples in the order of their numbers, and when they came.

    Raises Unjudgeable when one is malformed.
    """
    samples: list[Sample] = []
    came_ns = []
    for one in heard:
        if one.message.get("method") != "samples":
            continue
        try:
            params = SamplesParams.model_validate(one.message.get("params"))
        except ValidationError as error:
            raise Unjudgeable(f"a sample is malformed: {first_fault(error)}") from None
        if params.run_id == run_id:
            samples += params.samples
            came_ns.append(one.at_ns)
    return sorted(samples, key=lambda sample: sample.sequence), came_ns


def first_fault(error: ValidationError) -> str:
    """Return where a message is malformed, and how."""
    entry = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"[:200]
