"""What a backend refuses, and what it fills in."""

from typing import Any

import pytest

from benchmark.acceptance import completed, refusal
from benchmark.launcher import AgentDescription
from shared_models import TestConfiguration
from shared_models.configuration import SCENARIO_PROMPTS

EVERYTHING = AgentDescription(
    service="backend",
    language="Python",
    framework="Python",
    modes=("standard", "batch", "concurrent", "streaming", "rate"),
    scenarios=("chat", "tools", "conversation", "structured"),
    flavours=("agent", "client", "http"),
)


@pytest.mark.parametrize(
    ("configuration", "field"),
    [
        ({}, None),
        ({"testMode": "rate", "ratePerSecond": 5.0}, None),
        ({"testMode": "rate", "ratePerSecond": 5.0, "arrivals": "poisson"}, None),
        ({"testMode": "streaming", "scenario": "tools", "flavour": "http"}, None),
        ({"agentProcesses": 3, "durationSeconds": 1.0}, None),
        ({"testMode": "rate"}, "ratePerSecond"),
        ({"ratePerSecond": 5.0}, "ratePerSecond"),
        ({"testMode": "concurrent", "arrivals": "poisson"}, "arrivals"),
        ({"flavour": "aot"}, "flavour"),
    ],
)
def test_what_cannot_be_done_or_would_be_ignored_is_refused(
    configuration: dict[str, Any], field: str | None
) -> None:
    """A run never quietly does something else than was asked."""
    refused = refusal(TestConfiguration.model_validate(configuration), EVERYTHING)

    assert field == (refused[0] if refused else None)


@pytest.mark.parametrize(
    ("configuration", "prompt"),
    [
        ({}, "Say hello {n}"),
        ({"scenario": "tools"}, SCENARIO_PROMPTS["tools"]),
        ({"scenario": "structured"}, SCENARIO_PROMPTS["structured"]),
        ({"scenario": "tools", "prompt": "Mine"}, "Mine"),
        ({"scenario": "tools", "prompts": ["Mine"]}, "Say hello {n}"),
    ],
)
def test_a_scenario_brings_its_own_prompt(configuration: dict[str, Any], prompt: str) -> None:
    """Unless somebody has said what to ask."""
    ready = completed(TestConfiguration.model_validate(configuration), "http://model")

    assert ("http://model", prompt) == (ready.endpoint, ready.prompt)
    assert all("{n}" in text for text in SCENARIO_PROMPTS.values())
