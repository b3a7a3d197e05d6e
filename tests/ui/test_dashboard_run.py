"""Running, stopping and failing as the dashboard shows it, over fake backends."""

import asyncio

from tests.support.fake_backend import DOTNET, FakeBackend
from tests.support.web_service import FakeOllama, Stage, both, stage, until


async def finish(scene: Stage) -> None:
    """Open the page, press the button and wait until both sides have ended."""
    await scene.user.open("/dashboard")
    scene.user.find(marker="run").click()
    await until(lambda: scene.feed.board.report is not None and not scene.feed.board.running)
    await until(lambda: scene.element("run").enabled)


async def test_an_empty_dashboard_invites() -> None:
    """Nothing has run: the panel says how to begin and the cards are idle."""
    async with stage() as scene:
        await scene.user.open("/dashboard")

        await scene.user.should_see("Compare two agents on your model")
        assert scene.text("status-python-backend") == "Idle"
        assert scene.text("median-python-backend") == "–"
        assert scene.element("run").enabled
        assert not scene.element("stop").enabled


async def test_a_run_shows_both_results_and_the_observed_difference() -> None:
    """The figures on the page are those of the results, and no winner is named."""
    async with stage() as scene:
        await finish(scene)

        assert scene.text("status-python-backend") == "Completed"
        assert scene.text("status-dotnet-backend") == "Completed"
        assert scene.text("median-python-backend") == "30.0"
        assert scene.text("median-dotnet-backend") == "20.0"
        assert (
            scene.text("answer")
            == "Observed difference of the medians: −10.0 ms (−33.3 %), .NET minus Python."
        )
        await scene.user.should_see("contended: no verdict")
        await scene.user.should_see("No winner is declared")
        await scene.user.should_not_see("faster")
        await scene.user.should_not_see("slower")


async def test_a_card_shows_the_figures_of_its_result() -> None:
    """Every figure of the card is the result's own."""
    figures = {
        "average": "30.0 ms",
        "minimum": "30.0 ms",
        "maximum": "30.0 ms",
        "deviation": "0.00 ms",
        "p95": "n too small",
        "p99": "n too small",
        "successful": "10 of 10",
        "failures": "0 of 10",
        "memory-peak": "66 MB",
        "warm-up": "4,500 ms",
        "warm-up-calls": "150",
        "cold-start": "934 ms",
        "first-call": "41.0 ms",
        "cold-median": "30.0 ms",
    }
    async with stage() as scene:
        await finish(scene)

        assert figures == {name: scene.text(f"{name}-python-backend") for name in figures}


async def test_the_breakdown_and_the_software_are_named() -> None:
    """The parts carry their milliseconds, the runtime line what was measured."""
    async with stage() as scene:
        await finish(scene)

        await scene.user.should_see("framework 6.00 ms")
        await scene.user.should_see("model 14.0 ms")
        await scene.user.should_see("Python 3.11.7 · agent-framework 1.23.0")
        await scene.user.should_see(".NET 10.0.0 · Microsoft.Agents.AI 1.28.0")


async def test_a_side_that_fails_leaves_the_other_its_result() -> None:
    """The failed card says the cause; there is no difference, and the reason is named."""
    python, dotnet = both()
    dotnet.failure = "model 'ministral-3' not found"
    async with stage(python, dotnet) as scene:
        await finish(scene)

        assert scene.text("status-dotnet-backend") == "Failed"
        assert scene.text("note-dotnet-backend") == "model 'ministral-3' not found"
        assert scene.text("status-python-backend") == "Completed"
        assert scene.text("answer") == "No difference: .NET had no successful call."


async def test_a_side_whose_calls_all_failed_has_no_median() -> None:
    """Failures are counted by kind and never become a latency."""
    python, dotnet = both()
    python.median_ms = None
    async with stage(python, dotnet) as scene:
        await finish(scene)

        assert scene.text("median-python-backend") == "–"
        assert scene.text("failures-python-backend") == "10 of 10"
        assert scene.text("answer") == "No difference: Python had no successful call."


async def test_both_sides_failing_is_said() -> None:
    """Neither side is compared with nothing."""
    python, dotnet = both()
    python.failure = dotnet.failure = "the model server does not answer"
    async with stage(python, dotnet) as scene:
        await finish(scene)

        assert scene.text("status-python-backend") == "Failed"
        assert scene.text("status-dotnet-backend") == "Failed"
        assert scene.text("answer") == "No difference: Python and .NET had no successful call."


async def test_a_backend_that_restarts_loses_only_its_own_side() -> None:
    """What was seen of its run stays on the card, and nobody claims that no call succeeded."""
    python, dotnet = both()
    dotnet.drop_after, dotnet.forgets = 3, True
    async with stage(python, dotnet) as scene:
        await finish(scene)

        assert "Failed" == scene.text("status-dotnet-backend")
        assert "There is no such run" == scene.text("note-dotnet-backend")
        assert "3 of 3" == scene.text("successful-dotnet-backend")
        assert "No difference: .NET was lost before its result." == scene.text("answer")
        assert "30.0" == scene.text("median-python-backend")


async def test_a_refused_start_leaves_the_other_running() -> None:
    """The refused side shows the backend's own words."""
    python, dotnet = both()
    python.refuse_start = True
    async with stage(python, dotnet) as scene:
        await finish(scene)

        assert scene.text("status-python-backend") == "Failed"
        assert scene.text("note-python-backend") == "a run is already active"
        assert scene.text("status-dotnet-backend") == "Completed"


async def test_progress_is_shown_and_stop_stops_both() -> None:
    """While running the bar tells how far; after Stop both badges say so."""
    python, dotnet = both()
    python.gate.clear()
    dotnet.gate.clear()
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")
        scene.user.find(marker="run").click()
        await until(lambda: scene.text("progress-python-backend").startswith("5 of 10"))

        assert (
            scene.text("progress-python-backend")
            == "5 of 10 · 0.1 s elapsed · 33.3 it/s · 0.1 s left"
        )
        assert scene.text("status-python-backend") == "Running"
        assert not scene.element("run").enabled

        scene.user.find(marker="stop").click()
        await until(lambda: scene.text("status-python-backend") == "Stopped")
        await until(lambda: scene.text("status-dotnet-backend") == "Stopped")
        await until(lambda: scene.element("run").enabled)
        await scene.user.should_see("5 calls a side")


async def test_a_second_page_shows_the_running_comparison() -> None:
    """The comparison is the process's: a reload or another tab sees it."""
    python, dotnet = both()
    python.gate.clear()
    dotnet.gate.clear()
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")
        scene.user.find(marker="run").click()
        await until(lambda: scene.feed.board.running)

        await scene.user.open("/dashboard")
        await until(lambda: scene.text("progress-dotnet-backend").startswith("5 of 10"))
        assert not scene.element("run").enabled

        python.gate.set()
        dotnet.gate.set()
        await until(lambda: scene.text("status-dotnet-backend") == "Completed")


async def test_without_an_event_stream_the_status_is_polled() -> None:
    """A backend whose stream cannot be had is followed all the same."""
    python, dotnet = both()
    python.events_work = False
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")
        scene.element("iterations").value = 2
        scene.user.find(marker="run").click()
        await until(lambda: scene.text("status-python-backend") == "Completed")

        assert scene.text("median-python-backend") == "30.0"


async def test_a_badge_changes_without_a_reload() -> None:
    """The next round of the collector, or Refresh status, changes the badge in place."""
    python, dotnet = both()
    async with stage(python, dotnet) as scene:
        await scene.user.open("/dashboard")
        assert scene.text("badge-dotnet-backend").endswith("ms")

        dotnet.healthy = False
        scene.user.find(marker="refresh-status").click()

        await until(lambda: scene.text("badge-dotnet-backend") == "unhealthy")
        assert scene.text("note-dotnet-backend") == "Unhealthy: no agent here"


async def test_a_backend_that_is_gone_is_called_unreachable() -> None:
    """No connection is told apart from a backend that says it is not well."""
    async with stage() as scene:
        scene.feed.deps.backends[1].name = "nobody"
        states = await scene.feed.deps.states()

        assert states[1].state == "unreachable"
        assert states[1].reason == "nobody does not answer"


async def test_the_simulated_model_is_always_in_sight() -> None:
    """The badge stands in the header of every page while the model is simulated."""
    async with stage(ollama=FakeOllama(simulated=True)) as scene:
        for path in ("/", "/dashboard", "/counter", "/weather"):
            await scene.user.open(path)
            await scene.user.should_see("simulated model")


async def test_a_real_model_has_no_such_badge() -> None:
    """The warning is not shown where it would be wrong."""
    async with stage() as scene:
        await scene.user.open("/dashboard")
        await scene.user.should_not_see("simulated model")


async def test_hostile_text_stays_text() -> None:
    """What a backend says about a failure is shown as it is, as text."""
    python, dotnet = both()
    python.failure = "<img src=x onerror=alert(1)>"
    async with stage(python, dotnet) as scene:
        await finish(scene)

        assert scene.text("note-python-backend") == "<img src=x onerror=alert(1)>"
        assert "text" not in scene.element("note-python-backend").props


async def test_the_label_says_which_runtime_a_backend_would_use() -> None:
    """Before any run the card names the agent that the backend reports."""
    async with stage(FakeBackend(), FakeBackend(name="dotnet-backend", identity=DOTNET)) as scene:
        await scene.user.open("/dashboard")
        await asyncio.sleep(0)
        await scene.user.should_see(".NET 10.0.0 · Microsoft.Agents.AI 1.28.0")
