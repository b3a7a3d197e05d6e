"""The launcher of the .NET agents: which one is prepared when, and who waits for it."""

import threading
from pathlib import Path
from typing import Literal

import anyio
import pytest

from backend_dotnet_shim import delivery
from backend_dotnet_shim.app import PREPARING, DotnetAgentLauncher
from backend_dotnet_shim.delivery import AgentBuild, Outlook
from benchmark.errors import AgentUnavailable
from service_defaults.settings import ServiceSettings
from shared_models import Flavour

State = Literal["ready", "prebuilt", "stale", "to build", "unavailable"]
Origin = Literal["source", "prebuilt"]


class Deliveries:
    """Stands in for `delivery`: writes a file for an agent and counts how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        self.asked: list[Flavour] = []
        self.native_state: State = "to build"
        self.refuses: set[Flavour] = set()
        self.may_end = threading.Event()
        self.may_end.set()
        self._cache = cache
        monkeypatch.setattr(delivery, "resolve", self._resolve)
        monkeypatch.setattr(delivery, "foresee", self._foresee)

    def clean(self) -> None:
        """Remove every agent."""
        for product in self._cache.iterdir():
            product.unlink()

    def _resolve(self, _cache_dir: Path, flavour: Flavour) -> AgentBuild:
        self.asked.append(flavour)
        if flavour == "aot":
            self.may_end.wait(30)
        if flavour in self.refuses:
            raise delivery.AgentUnavailable(f"there is no {flavour}")
        product = self._cache / flavour
        product.touch()
        origin: Origin = "prebuilt" if flavour == "aot" else "source"
        return AgentBuild(command=(str(product),), origin=origin, detail="", stale=False)

    def _foresee(self, _cache_dir: Path, flavour: Flavour) -> Outlook:
        assert flavour == "aot"
        return Outlook(state=self.native_state, detail="")


@pytest.fixture
def deliveries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deliveries:
    return Deliveries(monkeypatch, tmp_path)


@pytest.fixture
def launcher(deliveries: Deliveries, tmp_path: Path) -> DotnetAgentLauncher:
    return DotnetAgentLauncher(ServiceSettings(cache_dir=tmp_path))


async def test_the_native_agent_is_prepared_when_it_is_first_asked_for(
    launcher: DotnetAgentLauncher, deliveries: Deliveries, tmp_path: Path
) -> None:
    """All other flavours are one program, with an origin of its own."""
    assert launcher.unavailable() == PREPARING
    with pytest.raises(AgentUnavailable, match=PREPARING):
        await launcher.command("agent")

    await launcher.prepare()

    assert launcher.unavailable() is None
    assert ["agent"] == deliveries.asked
    assert ("source", None) == (launcher.origin_of("http"), launcher.origin_of("aot"))
    commands = [await launcher.command(each) for each in ("agent", "client", "http", "aot", "aot")]
    assert [str(tmp_path / "agent")] * 3 == [command[0] for command in commands[:3]]
    assert [str(tmp_path / "aot")] * 2 == [command[0] for command in commands[3:]]
    assert ["agent", "aot"] == deliveries.asked
    assert ("source", "prebuilt") == (launcher.origin_of("client"), launcher.origin_of("aot"))


async def test_two_who_ask_wait_for_one_build(
    launcher: DotnetAgentLauncher, deliveries: Deliveries
) -> None:
    """Meanwhile the service goes on, and the JIT agent is there for others."""
    await launcher.prepare()
    deliveries.may_end.clear()
    got: list[list[str]] = []

    async def ask() -> None:
        got.append(await launcher.command("aot"))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
        while "aot" not in deliveries.asked:  # noqa: ASYNC110 - the other end is a thread
            await anyio.sleep(0.01)
        assert await launcher.command("agent")
        assert launcher.unavailable() is None
        assert [] == got
        deliveries.may_end.set()

    assert 2 == len(got)
    assert 1 == deliveries.asked.count("aot")


async def test_its_absence_concerns_nobody_else(
    launcher: DotnetAgentLauncher, deliveries: Deliveries
) -> None:
    """A build that was foreseen and fails is the failure of the run that wanted it."""
    deliveries.refuses = {"aot"}

    await launcher.prepare()

    with pytest.raises(AgentUnavailable, match="there is no aot"):
        await launcher.command("aot")
    assert launcher.unavailable() is None
    assert await launcher.command("agent")


@pytest.mark.parametrize(
    ("state", "is_listed"),
    [("ready", True), ("prebuilt", True), ("stale", True), ("to build", True),
     ("unavailable", False)],
)  # fmt: skip
async def test_the_flavour_is_listed_where_it_can_be_had(
    launcher: DotnetAgentLauncher, deliveries: Deliveries, state: State, is_listed: bool
) -> None:
    """What cannot be had is refused at the field."""
    deliveries.native_state = state

    await launcher.prepare()

    assert ("aot" in launcher.description.flavours) is is_listed
    assert "agent" in launcher.description.flavours


async def test_an_agent_that_was_cleaned_away_is_delivered_again(
    launcher: DotnetAgentLauncher, deliveries: Deliveries
) -> None:
    """Its directory is a cache, which may be emptied while the service runs."""
    await launcher.prepare()
    deliveries.clean()

    await launcher.command("agent")

    assert ["agent", "agent"] == deliveries.asked


async def test_without_a_jit_agent_the_reason_is_told(
    launcher: DotnetAgentLauncher, deliveries: Deliveries
) -> None:
    """The service stays up and not ready."""
    deliveries.refuses = {"agent"}

    await launcher.prepare()

    assert launcher.unavailable() == "there is no agent"
