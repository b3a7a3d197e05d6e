"""What every test shares: an environment without leftovers, and hypothesis that repeats itself."""

import os

import pytest
from hypothesis import HealthCheck, settings

FOREIGN_PREFIXES = ("PERFCOMPARE_", "OTEL_", "OLLAMA_", "services__")
FOREIGN_NAMES = ("PORT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

# Two shared cores stall at will: a slow example is no failure, and the same ones run each time.
settings.register_profile(
    "perfcompare",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("perfcompare")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the variables of the machine that our settings, clients and exporters would read."""
    for name in list(os.environ):  # noqa: TID251 - what is hidden must be listed
        if name.startswith(FOREIGN_PREFIXES) or name.upper() in FOREIGN_NAMES:
            monkeypatch.delenv(name)
