"""Our few distributions are scipy.stats' own, without its import."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from comparison.statistics import distributions

SHARES = st.floats(min_value=0.001, max_value=0.999)


@given(SHARES, st.floats(min_value=1, max_value=1e6))
def test_student_t(p: float, df: float) -> None:
    """Quantiles for any df, and tails of the same value."""
    quantile = distributions.t_quantile(p, df)

    assert pytest.approx(stats.t.ppf(p, df), rel=1e-7, abs=1e-9) == quantile
    assert pytest.approx(stats.t.sf(2.5, df), rel=1e-9) == distributions.t_tail(2.5, df)


@given(SHARES)
def test_the_normal_distribution(p: float) -> None:
    """Quantile and tail are each other's inverse, and scipy's."""
    z = distributions.normal_quantile(p)

    assert pytest.approx(stats.norm.ppf(p)) == z
    assert pytest.approx(1 - p) == distributions.normal_tail(z)


@given(SHARES, st.integers(min_value=1, max_value=1_000_000), SHARES)
def test_the_binomial_quantile(p: float, n: int, probability: float) -> None:
    """The smallest k whose distribution function reaches p, to its last digits."""
    k = distributions.binomial_quantile(p, n, probability)

    assert stats.binom.cdf(k, n, probability) >= p * (1 - 1e-9)
    assert stats.binom.cdf(k - 1, n, probability) < p * (1 + 1e-9)


@given(st.integers(min_value=0, max_value=30), st.integers(min_value=1, max_value=30), SHARES)
def test_the_binomial_tail(k: int, n: int, probability: float) -> None:
    """P(X ≥ k), 1 for k = 0 and 0 beyond n."""
    expected = stats.binom.sf(k - 1, n, probability)

    assert pytest.approx(expected, abs=1e-12) == distributions.binomial_tail(k, n, probability)


@given(
    st.integers(min_value=1, max_value=2_000), st.integers(min_value=0), st.integers(min_value=0)
)
def test_the_hypergeometric_distribution(total: int, marked: int, drawn: int) -> None:
    """All masses of the support, and nothing beside it."""
    marked, drawn = marked % (total + 1), drawn % (total + 1)

    low, masses = distributions.hypergeometric_masses(total, marked, drawn)

    support = np.arange(low, low + len(masses))
    expected = stats.hypergeom.pmf(support, total, marked, drawn)
    np.testing.assert_allclose(masses, expected, rtol=1e-7, atol=1e-12)
    assert pytest.approx(1) == masses.sum()


@given(st.lists(st.integers(min_value=0, max_value=5), min_size=1, max_size=40))
def test_ranks(values: list[int]) -> None:
    """Ties share the mean of their ranks."""
    numbers = np.array(values, dtype=np.float64)

    np.testing.assert_array_equal(stats.rankdata(numbers), distributions.average_ranks(numbers))
