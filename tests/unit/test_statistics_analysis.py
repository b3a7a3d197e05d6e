"""The analysis as a whole: what it says of runs whose truth is known."""

import subprocess
import sys

import pytest

from comparison.statistics import Design, analyse
from tests.support.simulated_run import SimulatedRun


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, "equivalent"), (1.3, "slower"), (1 / 1.3, "faster")]
)
def test_a_clear_case_is_called(ratio: float, verdict: str) -> None:
    """Ten launches tell a third apart, and tell sides that are alike from sides that are not."""
    run = SimulatedRun(launches=10, super_blocks=10, ratio=ratio, seed=3)

    analysis = analyse(run.sides(), Design())

    assert verdict == analysis.verdict
    assert analysis.reason is None


def test_importing_the_package_brings_no_numpy() -> None:
    """The web service and the command line start without 100 MB of numbers."""
    script = "import comparison, sys; print('numpy' in sys.modules, 'scipy' in sys.modules)"

    shown = subprocess.check_output([sys.executable, "-c", script], text=True)

    assert "False False" == shown.strip()
