"""Reading prompt files: one JSON object a line, `prompt` and, if known, `expected_tokens`."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from shared_models.configuration import Prompt

from .errors import PromptsInvalid

MAX_PROMPTS = 10_000
MAX_FILE_BYTES = 896 * 1024
"""A backend takes 1 MiB in one request, and the rest of the configuration needs its share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptList:
    """The prompts in their order; `expected_tokens` is as long, None when no line gave any."""

    prompts: list[str]
    expected_tokens: list[int | None] | None


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    prompt: Prompt
    expected_tokens: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_000_000,
            validation_alias=AliasChoices("expected_tokens", "expectedTokens"),
        ),
    ] = None


def read_prompts(path: Path, *, shuffle_seed: int | None = None) -> PromptList:
    """Read a file of prompts; with a seed they are shuffled, for the same seed alike.

    Empty lines are skipped. Raises PromptsInvalid, with the line where there is one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PromptsInvalid(f"{path} cannot be read: {error.strerror}") from error
    return parse_prompts(content, name=str(path), shuffle_seed=shuffle_seed)


def parse_prompts(content: bytes, *, name: str, shuffle_seed: int | None = None) -> PromptList:
    """Return the prompts of a file's content, as `read_prompts` does; `name` is what it is called.

    Raises PromptsInvalid.
    """
    if len(content) > MAX_FILE_BYTES:
        raise PromptsInvalid(f"{name} is larger than {MAX_FILE_BYTES // 1024} KiB")
    lines = [
        _read(line, number)
        for number, line in enumerate(content.split(b"\n"), start=1)
        if line.strip()
    ]
    if not 1 <= len(lines) <= MAX_PROMPTS:
        raise PromptsInvalid(f"{name} must have 1 to {MAX_PROMPTS:,} prompts, not {len(lines):,}")
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(lines)  # noqa: S311 - an order, no secret
    expected = [line.expected_tokens for line in lines]
    return PromptList(
        prompts=[line.prompt for line in lines],
        expected_tokens=expected if any(expected) else None,
    )


def _read(line: bytes, number: int) -> _Line:
    try:
        return _Line.model_validate(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        raise PromptsInvalid("not a JSON object in UTF-8", line=number) from error
    except ValidationError as error:
        entry = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in entry["loc"]) or "the line"
        raise PromptsInvalid(f"{field}: {entry['msg']}", line=number) from error
