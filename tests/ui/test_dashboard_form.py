"""The dashboard's form refuses what the API would refuse, at the field and with the reason."""

from typing import Any

import pytest
from nicegui.testing.user_interaction import UserInteraction

from tests.support.fake_backend import DOTNET, FakeBackend
from tests.support.web_service import FakeOllama, Stage, both, stage, until
from ui.state.fields import FIELDS


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("iterations", 0, "Must be at least 1."),
        ("endpoint", "http://192.0.2.1:11434", "is not an allowed model server"),
        ("seed", -1, "Must be at least 0."),
    ],
)
async def test_an_invalid_field_is_refused_with_its_reason(
    name: str, value: Any, reason: str
) -> None:
    """The refused field says why, no other field does, and nothing is started."""
    backends = both()
    async with stage(*backends) as scene:
        await scene.user.open("/dashboard")
        scene.element(name).value = value

        scene.user.find(marker="run").click()
        await until(lambda: scene.element(name).error is not None)

        assert reason in scene.element(name).error
        assert {name} == {field.name for field in FIELDS if scene.element(field.name).error}
        assert not scene.feed.board.running
        assert [] == backends[0].configurations + backends[1].configurations


async def test_a_mended_field_loses_its_refusal() -> None:
    """After a successful start no field is marked any more."""
    async with stage() as scene:
        await scene.user.open("/dashboard")
        scene.element("iterations").value = 0
        scene.user.find(marker="run").click()
        await until(lambda: scene.element("iterations").error is not None)

        scene.element("iterations").value = 4
        scene.user.find(marker="run").click()
        await until(lambda: scene.element("iterations").error is None)

        await until(lambda: scene.text("status-python-backend") == "Completed")


@pytest.mark.parametrize(
    ("mode", "batch", "concurrent"),
    [("standard", False, False), ("batch", True, False), ("concurrent", False, True)],
)
async def test_fields_appear_only_for_their_mode(mode: str, batch: bool, concurrent: bool) -> None:
    """Batch size belongs to batch, concurrent requests to concurrent."""
    async with stage() as scene:
        await scene.user.open("/dashboard")

        scene.element("testMode").value = mode

        assert batch == scene.visible("batchSize")
        assert concurrent == scene.visible("concurrentRequests")


async def test_a_hidden_field_is_not_sent() -> None:
    """What stands in a field that the mode does not show can neither be refused nor sent."""
    backends = both()
    async with stage(*backends) as scene:
        await scene.user.open("/dashboard")
        scene.element("testMode").value = "batch"
        scene.element("batchSize").value = 0
        scene.element("testMode").value = "standard"

        await run(scene)

        assert [entry.batch_size for entry in backends[0].configurations] == [10]


async def test_every_field_reaches_both_backends() -> None:
    """The configuration that the backends get is the one in the form."""
    backends = both()
    async with stage(*backends) as scene:
        await scene.user.open("/dashboard")
        values = {
            "iterations": 3,
            "model": "llama3.2:3b",
            "testMode": "concurrent",
            "concurrentRequests": 2,
            "prompt": "Count to {n}",
            "instructions": "Be brief",
            "warmupIterations": "auto",
            "temperature": 0.5,
            "seed": 7,
            "maxTokens": 9,
            "requestTimeoutSeconds": 5,
        }
        for name, value in values.items():
            scene.element(name).value = value

        await run(scene)

        (sent,) = backends[0].configurations
        assert backends[1].configurations == [sent]
        dumped = sent.model_dump()
        assert values == {name: dumped[name] for name in values}
        assert dumped["endpoint"] == scene.feed.deps.ollama.url


async def test_the_form_opens_with_the_quick_flow() -> None:
    """Ten iterations of the seed's model at the discovered endpoint, in standard mode."""
    async with stage() as scene:
        await scene.user.open("/dashboard")

        shown = [scene.element(n).value for n in ("iterations", "model", "endpoint", "testMode")]

        assert [10, "ministral-3", scene.feed.deps.ollama.url, "standard"] == shown


async def test_modes_are_those_that_both_backends_support() -> None:
    """A mode that one backend lacks is not offered."""
    python = FakeBackend(modes=["standard", "streaming", "rate"])
    dotnet = FakeBackend(
        name="dotnet-backend", identity=DOTNET, modes=["standard", "batch", "streaming", "rate"]
    )
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")

        assert list(scene.element("testMode").options) == ["standard", "streaming", "rate"]


async def test_modes_fall_back_when_a_backend_is_down() -> None:
    """Without both backends' word the seed's modes are offered."""
    python = FakeBackend(modes=["standard", "streaming"])
    dotnet = FakeBackend(name="dotnet-backend", identity=DOTNET, healthy=False)
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")

        assert list(scene.element("testMode").options) == ["standard", "batch", "concurrent"]


async def test_installed_models_are_offered() -> None:
    """The menu lists what the endpoint has; choosing one fills the field."""
    async with stage(ollama=FakeOllama(models=("llama3.2:3b", "bad name"))) as scene:
        await scene.user.open("/dashboard")

        scene.user.find(marker="choose-model").click()
        await until(lambda: bool(scene.items()))
        assert {"llama3.2:3b"} == set(scene.items())
        choose(scene, "llama3.2:3b")

        assert "llama3.2:3b" == scene.element("model").value


def choose(scene: Stage, name: str) -> None:
    """Click an entry of the menu, which only a browser would really open."""
    UserInteraction(scene.user, {scene.items()[name]}, None).click()


async def run(scene: Stage) -> None:
    """Press the button and wait for the end."""
    scene.user.find(marker="run").click()
    await until(lambda: scene.feed.board.report is not None and not scene.feed.board.running)
