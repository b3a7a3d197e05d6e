"""What the coordinator notices, each finding from the runs that show it."""

from typing import Any

import pytest

from shared_models import Environment
from tests.support.fake_backend import DOTNET, FakeBackend, sample_metrics
from tests.support.web_service import until

from .test_comparison_coordinator import compared, pair, request, running

ENVIRONMENT = sample_metrics().environment


async def codes(*fakes: FakeBackend, **fields: Any) -> dict[str, int | None]:
    """Return the codes of a comparison's findings, each with its side."""
    report = await compared(request(**fields), *fakes)
    return {finding.code: finding.side for finding in report.findings}


def changed(**fields: Any) -> Environment:
    """Return the usual environment with changes."""
    return ENVIRONMENT.model_copy(update=fields)


async def test_a_quiet_comparison_of_equal_answers_has_none_of_ours() -> None:
    """Findings that are always there say nothing."""
    found = await codes(*pair())

    ours = {"simulated-model", "busy-machine", "versions-differ", "unequal-tokens"}
    assert set() == ours & set(found)


@pytest.mark.parametrize(
    ("changes", "code", "side"),
    [
        ({"provider": "ollama-simulator"}, "simulated-model", None),
        ({"environment": changed(load_average=1.5)}, "busy-machine", 0),
    ],
)
async def test_the_environment_is_told(
    changes: dict[str, Any], code: str, side: int | None
) -> None:
    """As far as the results carry it."""
    fakes = pair()
    fakes[0].metrics_changes = changes
    found = await codes(*fakes)

    assert (True, side) == (code in found, found.get(code))


async def test_a_version_that_changes_between_launches_is_an_error() -> None:
    """A model server that was updated meanwhile, for one."""
    fakes = pair()
    async with running(request(), *fakes) as comparison:
        await until(lambda: sum(event == "start" for event, _, _ in fakes[0].journal) > 2)
        fakes[0].metrics_changes = {"environment": changed(ollama_version="9")}

    assert {"versions-differ": 0} == {
        finding.code: finding.side
        for finding in comparison.report.findings
        if finding.severity == "error"
    }


async def test_dotnet_agents_of_different_origin_are_told() -> None:
    """A prebuilt agent starts faster than one from source."""
    fakes = pair()
    for fake, origin in zip(fakes, ("source", "prebuilt"), strict=True):
        fake.identity = DOTNET
        fake.metrics_changes = {"environment": changed(agent_origin=origin)}

    assert "origins-differ" in await codes(*fakes)


async def test_answers_of_different_length_are_told() -> None:
    """A longer answer takes longer."""
    fakes = pair()
    fakes[1].completion_tokens = 12

    assert "unequal-tokens" in await codes(*fakes)


async def test_answers_that_are_not_as_long_as_expected_are_told() -> None:
    """By their prompt, over all launches; a prompt without a number expects nothing."""
    fakes = pair()
    fakes[1].completion_tokens = 11
    configuration = {"iterations": 40, "prompts": ["a", "b", "c"]}
    report = await compared(
        request(configuration=configuration, expectedTokens=[10, None, 10]), *fakes
    )

    (finding,) = [f for f in report.findings if f.code == "unexpected-tokens"]
    assert (1, {"unexpected": 27, "known": 27}) == (finding.side, finding.figures)
