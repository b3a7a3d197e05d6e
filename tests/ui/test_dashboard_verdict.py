"""The dashboard gives a verdict where the schedule allows one, and says how sure it is."""

from nicegui.elements.upload_files import SmallFileUpload

from shared_models import BatchFigures
from tests.support.fake_backend import DOTNET, FakeBackend
from tests.support.web_service import Stage, both, stage, until


def noisy() -> tuple[FakeBackend, FakeBackend]:
    """Return two backends whose calls take about 20 and 30 ms, one call at a time over both."""
    python = FakeBackend(latency_ms=20.0)
    dotnet = FakeBackend(
        name="dotnet-backend",
        identity=DOTNET,
        latency_ms=30.0,
        journal=python.journal,
        executing=python.executing,
    )
    return python, dotnet


async def end(scene: Stage) -> None:
    """Wait until the comparison has ended and the page shows it."""
    await until(lambda: scene.feed.board.report is not None and not scene.feed.board.running)
    await until(lambda: scene.element("run").enabled)


async def test_an_interleaved_comparison_names_the_slower_side_and_its_interval() -> None:
    """The sentence carries the ratio with its interval and what it rests on."""
    async with stage(*noisy()) as scene:
        await scene.user.open("/dashboard")
        for name, value in {"schedule": "interleaved", "iterations": 80, "launches": 4}.items():
            scene.element(name).value = value
        scene.user.find(marker="run").click()
        await end(scene)

        report = scene.feed.board.report
        assert "slower" == report.verdict
        assert report.pairs[0].estimate is not None
        await scene.user.should_see("is slower than")
        words = scene.text("answer")
        more = (report.pairs[0].estimate.ratio - 1) * 100
        assert words.startswith(f".NET takes {more:.1f} % more time than Python, 95 % interval +")
        assert words.endswith("over 4 launch pairs.")
        assert "ms" in scene.text("cold-median-python-backend")


async def test_a_schedule_without_a_verdict_offers_the_one_that_has_it() -> None:
    """One click runs the same configuration interleaved."""
    async with stage(*noisy()) as scene:
        await scene.user.open("/dashboard")
        scene.element("launches").value = 2
        scene.user.find(marker="run").click()
        await end(scene)
        assert "none" == scene.feed.board.report.verdict

        scene.user.find(marker="verdict").click()
        await until(lambda: scene.feed.board.report.schedule == "interleaved")
        await end(scene)

        assert "interleaved" == scene.element("schedule").value
        assert "none" != scene.feed.board.report.verdict


async def test_every_chosen_side_has_a_card_of_its_own() -> None:
    """Columns are backends × flavours; the page draws as many as there are."""
    async with stage(*noisy()) as scene:
        await scene.user.open("/dashboard")
        scene.element("sides").value = ["python-backend/agent", "python-backend/client"]
        scene.element("schedule").value = "sequential"
        scene.user.find(marker="run").click()
        await end(scene)

        assert "Completed" == scene.text("status-python-backend")
        assert "Completed" == scene.text("status-python-backend-client")
        await scene.user.should_see("order-biased: no verdict")
        await scene.user.should_see("Python client")


async def test_a_mode_shows_what_only_it_has() -> None:
    """A batch has a time of its own beside its calls'."""
    python, dotnet = both()
    python.metrics_changes["batches"] = BatchFigures(
        count=2, average_ms=51.0, median_ms=50.0, min_ms=48.0, max_ms=55.0
    )
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")
        scene.user.find(marker="run").click()
        await end(scene)

        assert scene.visible("extras-python-backend")
        assert not scene.visible("extras-dotnet-backend")
        assert "50.0 ms" == scene.text("batch-median")


async def test_a_prompt_file_reaches_the_comparison() -> None:
    """Its lines are the prompts of both sides; a line that is none is refused where it stands."""
    python, dotnet = both()
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")
        upload = scene.element("prompts")
        await upload.handle_uploads([SmallFileUpload("a.jsonl", "", b'{"prompt": 1}')])
        await until(lambda: "line 1" in scene.text("prompts-said"))

        content = b'{"prompt": "one"}\n{"prompt": "two", "expected_tokens": 8}\n'
        await upload.handle_uploads([SmallFileUpload("b.jsonl", "", content)])
        await until(lambda: "2 prompts from b.jsonl" == scene.text("prompts-said"))

        scene.user.find(marker="run").click()
        await end(scene)
        assert ["one", "two"] == dotnet.configurations[0].prompts
        assert [None, 8] == scene.feed.board.report.request.expected_tokens
