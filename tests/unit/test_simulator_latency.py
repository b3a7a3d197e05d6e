"""The latency model draws what it promises and repeats with its seed."""

import math
import random
import statistics

import pytest

from ollama_simulator.errors import InvalidSetting
from ollama_simulator.latency import Distribution, LatencyModel


def totals_ms(model: LatencyModel, *, seed: int = 1, calls: int = 2_000) -> list[float]:
    rng = random.Random(seed)
    return [model.plan(rng, prompt_tokens=0, tokens=10).due_ns(9) / 1e6 for _ in range(calls)]


def test_a_fixed_latency_is_the_whole_of_each_call() -> None:
    model = LatencyModel(latency_ms=5, distribution="fixed")
    assert set(totals_ms(model)) == {5.0}


def test_a_fixed_latency_is_the_same_for_one_token_and_for_many() -> None:
    model = LatencyModel(latency_ms=5, distribution="fixed")
    for tokens in (1, 2, 500):
        plan = model.plan(random.Random(0), prompt_tokens=3, tokens=tokens)
        assert plan.due_ns(tokens - 1) == 5_000_000


def test_a_normal_latency_has_its_mean_and_its_spread() -> None:
    drawn = totals_ms(LatencyModel(latency_ms=100, distribution="normal", sigma=0.1))
    assert statistics.fmean(drawn) == pytest.approx(100, rel=0.02)
    assert statistics.stdev(drawn) == pytest.approx(10, rel=0.1)


def test_a_lognormal_latency_has_its_median_and_its_spread() -> None:
    drawn = totals_ms(LatencyModel(latency_ms=100, distribution="lognormal", sigma=0.2))
    assert statistics.median(drawn) == pytest.approx(100, rel=0.03)
    assert statistics.stdev(map(math.log, drawn)) == pytest.approx(0.2, rel=0.1)


def test_a_wide_normal_latency_is_never_negative() -> None:
    assert min(totals_ms(LatencyModel(latency_ms=1, distribution="normal", sigma=3))) >= 0


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_the_same_seed_gives_the_same_times(distribution: Distribution) -> None:
    model = LatencyModel(latency_ms=10, distribution=distribution, sigma=0.3)
    assert totals_ms(model, seed=7) == totals_ms(model, seed=7)
    assert totals_ms(model, seed=7) != totals_ms(model, seed=8)


def test_tokens_and_prompt_are_added_to_the_base_time() -> None:
    model = LatencyModel(
        latency_ms=10, distribution="fixed", token_ms=2, prompt_ms=3, prompt_token_ms=0.5
    )
    plan = model.plan(random.Random(0), prompt_tokens=8, tokens=5)
    assert plan.due_ns(4) == (10 + 4 * 2 + 3 + 8 * 0.5) * 1e6


def test_no_latency_is_instant() -> None:
    model = LatencyModel(latency_ms=0, load_ms=200)
    assert model.is_instant
    assert model.plan(random.Random(0), prompt_tokens=9, tokens=9).is_instant


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latency_ms", -1),
        ("latency_ms", math.nan),
        ("latency_ms", math.inf),
        ("token_ms", "2"),
        ("load_ms", True),
        ("sigma", 11),
        ("distribution", "uniform"),
    ],
)
def test_a_senseless_time_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(InvalidSetting) as caught:
        LatencyModel(**{name: value})  # type: ignore[arg-type]  # the point of the test
    assert caught.value.name == name
