"""The .NET agent of a machine without an SDK: the archive in the repository, unpacked and used."""

import platform
import sys
from pathlib import Path

import pytest

from backend_dotnet_shim.app import DotnetAgentLauncher
from benchmarks.agents import initialised_agent
from service_defaults.settings import ServiceSettings
from shared_models import RunParams, RunResult, Sample, SamplesParams
from tests.support.simulator import running_simulator

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() != "x86_64",
    reason="the prebuilt agent is for Linux on x64",
)


async def test_without_an_sdk_the_prebuilt_agent_measures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With dotnet off the PATH the committed archive is unpacked, verified, started and answers."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-dotnet-here"))
    launcher = DotnetAgentLauncher(ServiceSettings(cache_dir=tmp_path / "cache"))
    await launcher.prepare()
    samples: list[Sample] = []

    def keep(params: SamplesParams) -> None:
        samples.extend(params.samples)

    async with (
        running_simulator() as simulator,
        initialised_agent(launcher, simulator.url, keep) as bridge,
    ):
        block = RunParams(
            run_id="r", first_sequence=1, iterations=3, mode="standard", concurrency=1
        )
        result = await bridge.call("run", block, RunResult, silence_s=30)

    assert "prebuilt" == launcher.origin_of("agent")
    assert 3 == result.completed
    assert ["ok"] * 3 == [sample.outcome for sample in samples]
