"""What to run: the configuration that the form, the CLI and the REST API all send."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .wire import RequestModel

TestMode = Literal["standard", "batch", "concurrent", "streaming", "rate"]
Scenario = Literal["chat", "tools", "conversation", "structured"]
Flavour = Literal["agent", "client", "http", "aot"]
Arrivals = Literal["constant", "poisson"]

DEFAULT_MODEL = "ministral-3"
DEFAULT_ENDPOINT = "http://localhost:11434"
DEFAULT_PROMPT = "Say hello {n}"
SCENARIO_PROMPTS: dict[Scenario, str] = {
    "chat": DEFAULT_PROMPT,
    "tools": (
        "Add {n} and 7 with the tool, and count the words of 'the quick brown fox' with the other "
        "tool. Then say both results."
    ),
    "conversation": "Tell me fact number {n} about the sea.",
    "structured": (
        "Name city number {n} of your favourite cities, with its country and population."
    ),
}
"""What a scenario asks when no prompt is given."""

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
Prompt = Annotated[str, Field(min_length=1, max_length=32_768)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class TestConfiguration(RequestModel):
    """One run's parameters, named as in the seed; everything is optional.

    An unset `endpoint` is the address that service discovery gives, else `DEFAULT_ENDPOINT`.
    In `prompt` and `prompts`, `{n}` stands for the iteration's number, from 1; iteration n uses
    prompt (n − 1) modulo the list's length. `duration_seconds` takes the place of `iterations`.
    Warm-up: `warmup_seconds`, when set, asks for at least that long and at least ten calls; else
    `warmup_iterations` is their number, or "auto" to go on until the calls are steady.
    `turns` is the length of a session in the scenario `conversation`. `delay_ms` makes every model
    call that much slower on the agent's side: a known difference for self-tests.
    """

    __test__: ClassVar[bool] = False  # the name is the contract's, not a test class

    iterations: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    model: ModelName = DEFAULT_MODEL
    endpoint: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None
    test_mode: TestMode = "standard"
    batch_size: Annotated[int, Field(ge=1, le=1_000)] = 10
    concurrent_requests: Annotated[int, Field(ge=1, le=1_000)] = 5
    warmup_iterations: Annotated[int, Field(ge=0, le=100_000)] | Literal["auto"] = 1
    warmup_seconds: Annotated[float, Field(gt=0, le=600)] | None = None
    scenario: Scenario = "chat"
    turns: Annotated[int, Field(ge=1, le=100)] = 5
    prompt: Prompt = DEFAULT_PROMPT
    prompts: Annotated[list[Prompt], Field(min_length=1, max_length=10_000)] | None = None
    instructions: Annotated[str, Field(max_length=32_768)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    request_timeout_seconds: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    rate_per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    arrivals: Arrivals = "constant"
    duration_seconds: Seconds | None = None
    agent_processes: Annotated[int, Field(ge=1, le=64)] = 1
    flavour: Flavour = "agent"
    gated: bool = False
    delay_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
