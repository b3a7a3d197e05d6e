"""From the options of `perfcompare run` to the request (pure but for the prompt file)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from comparison import PromptsInvalid, read_prompts
from orchestrator.errors import UsageError
from shared_models import ComparisonRequest

STANDARD_ITERATIONS = 600
SIDES = {"python": "python-backend", "dotnet": "dotnet-backend"}

CONFIGURATION = {
    "iterations": "iterations", "model": "model", "endpoint": "endpoint", "mode": "testMode",
    "scenario": "scenario", "flavour": "flavour", "prompt": "prompt", "batch_size": "batchSize",
    "concurrency": "concurrentRequests", "rate": "ratePerSecond", "arrivals": "arrivals",
    "duration": "durationSeconds", "seed": "seed", "max_tokens": "maxTokens", "turns": "turns",
}  # fmt: skip
"""Each option and its field in the configuration."""
REQUEST = {
    "schedule": "schedule", "launches": "launches", "calls_per_segment": "callsPerSegment",
    "window": "windowSeconds", "margin": "equivalenceMargin", "seed": "seed",
}  # fmt: skip
"""Each option and its field in the request itself."""


def request_of(given: Mapping[str, Any]) -> ComparisonRequest:
    """Return the request; raises UsageError that names the option.

    Only what was given is set, so that the request's own defaults hold for the rest.
    """
    configuration = _chosen(given, CONFIGURATION) | _warm_up(given["warmup"])
    request = _chosen(given, REQUEST)
    length_is_open = given["iterations"] is None and given["duration"] is None
    if length_is_open and given["schedule"] == "interleaved":
        configuration["iterations"] = STANDARD_ITERATIONS
    if given["prompts"] is not None:
        _read_prompts(given, configuration, request)
    if given["side"]:
        request["sides"] = [_side(text) for text in given["side"]]
    try:
        return ComparisonRequest.model_validate(request | {"configuration": configuration})
    except ValidationError as error:
        entry = error.errors(include_input=False, include_url=False)[0]
        raise UsageError(f"{_option(entry['loc'])}: {entry['msg']}") from error


def _chosen(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {field: given[name] for name, field in names.items() if given[name] is not None}


def _warm_up(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text == "auto":
        return {"warmupIterations": "auto"}
    try:
        if text.endswith("s"):
            return {"warmupSeconds": float(text[:-1])}
        return {"warmupIterations": int(text)}
    except ValueError as error:
        raise UsageError(f"--warmup: {text!r} is neither a number, seconds (2s) nor auto") from (
            error
        )


def _read_prompts(
    given: Mapping[str, Any], configuration: dict[str, Any], request: dict[str, Any]
) -> None:
    path: Path = given["prompts"]
    try:
        found = read_prompts(path, shuffle_seed=(given["seed"] or 1) if given["shuffle"] else None)
    except PromptsInvalid as error:
        raise UsageError(f"--prompts: {error}") from error
    configuration["prompts"] = found.prompts
    request["expectedTokens"] = found.expected_tokens


def _side(text: str) -> dict[str, str]:
    name, colon, flavour = text.partition(":")
    if name not in SIDES or bool(colon) != bool(flavour):
        raise UsageError(f"--side: {text!r} is not {' or '.join(SIDES)}, or one with :FLAVOUR")
    return {"backend": SIDES[name]} | ({"flavour": flavour} if flavour else {})


def _option(location: tuple[int | str, ...]) -> str:
    """Return the option behind a field of the request, else the field's path."""
    field = str(location[1] if location[0] == "configuration" and location[1:] else location[0])
    if field.startswith("warmup"):
        return "--warmup"
    if field == "sides":
        return "--side"
    table = CONFIGURATION if location[0] == "configuration" else REQUEST
    for name, known in table.items():
        if known == field:
            return "--" + name.replace("_", "-")
    return field
