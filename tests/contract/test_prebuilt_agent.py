"""The .NET agents of a machine without an SDK: the archives in the repository, unpacked and used.

They may be older than the source until they are remade, so that what every archive must do is
asked for with the fields that every version knows.
"""

import platform
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from backend_dotnet_shim import delivery, prebuilt
from backend_dotnet_shim.agent_source import source_hash
from backend_dotnet_shim.app import DotnetAgentLauncher
from service_defaults.settings import ServiceSettings
from shared_models import Flavour, Scenario, TestMode
from tests.support.conversation import Conversation, conversation
from tests.support.simulator import RunningSimulator, running_simulator

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() != "x86_64",
    reason="the prebuilt agents are for Linux on x64",
)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache on a machine without dotnet."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-dotnet-here"))
    return tmp_path / "cache"


def skip_without_archive(flavour: Flavour, *, current: bool = False) -> None:
    """Skip where the archive has not been made, or is of other source and must not be."""
    archives = {each.flavour: each for each in prebuilt.read_manifest().archives}
    if flavour not in archives:
        pytest.skip(f"there is no archive of the flavour {flavour}")
    if current and archives["aot"].source_hash != source_hash():
        pytest.skip("the archive is of other source")


@pytest.fixture
async def native_agent(cache: Path) -> AsyncIterator[tuple[Conversation, RunningSimulator]]:
    """The NativeAOT agent of this source, where it is quick to be had, and a model server."""
    skip_without_archive("aot", current=True)
    build = delivery.resolve(cache, "aot")
    async with running_simulator() as simulator, conversation(build.command) as talk:
        yield talk, simulator


@pytest.mark.parametrize("flavour", ["agent", "aot"])
async def test_without_an_sdk_the_prebuilt_agent_measures(cache: Path, flavour: Flavour) -> None:
    """With dotnet off the PATH the archive is unpacked, verified, started and answers."""
    skip_without_archive(flavour)
    launcher = DotnetAgentLauncher(ServiceSettings(cache_dir=cache))
    await launcher.prepare()
    command = await launcher.command(flavour)

    async with running_simulator() as simulator, conversation(command) as talk:
        told = await talk.ask(
            "initialize",
            protocolVersion=1,
            configuration={"endpoint": simulator.url, "flavour": flavour},
        )
        result = await talk.run(iterations=3)

    assert "prebuilt" == launcher.origin_of(flavour)
    assert flavour in launcher.description.flavours
    assert flavour == told["result"]["flavour"]
    assert 3 == result["completed"]
    assert ["ok"] * 3 == [sample.outcome for sample in talk.samples]


@pytest.mark.parametrize("mode", get_args(TestMode))
@pytest.mark.parametrize("scenario", get_args(Scenario))
async def test_nothing_that_the_native_agent_needs_was_trimmed_away(
    native_agent: tuple[Conversation, RunningSimulator], scenario: str, mode: str
) -> None:
    """Every scenario works in every mode: what is missing is missed only when it is called."""
    talk, simulator = native_agent
    await talk.initialize(simulator.url, flavour="aot", scenario=scenario, seed=1)
    rate = {"ratePerSecond": 100.0, "arrivals": "constant"} if mode == "rate" else {}

    result = await talk.run(mode=mode, iterations=4, **rate)

    assert 4 == result["completed"] + result["dropped"]
    assert result["completed"] >= 1
    assert {"ok"} == {sample.outcome for sample in talk.samples}
