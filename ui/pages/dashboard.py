"""`/dashboard`: configure, run, stop, and see both backends side by side."""

from nicegui import ui

from service_defaults.errors import ProblemError

from ..components.answer import AnswerPanel, announcer
from ..components.config_form import ConfigForm
from ..components.elements import box
from ..components.side_card import SideCards
from ..feed import Feed
from ..state.answer import answer_view
from ..state.cards import announcement, card_view, common_scale
from ..state.form import FormInvalid, read_form, refusals
from ..theme import frame, page_title


def register(feed: Feed) -> None:
    """Register the page."""

    @ui.page("/dashboard", title=page_title("Dashboard"))
    def dashboard() -> None:
        with frame("Dashboard", feed, path="/dashboard"):
            _draw(feed)


def _draw(feed: Feed) -> None:
    board, deps = feed.board, feed.deps

    async def run() -> None:
        try:
            request = await read_form(form.values, deps.policy, labels=board.backend_labels)
            await feed.comparisons.check(request)
            feed.comparisons.start(request)
        except FormInvalid as invalid:
            form.refuse(invalid.reasons)
        except ProblemError as problem:
            form.refuse(refusals(problem))
        else:
            form.refuse({})
        show_run()

    async def run_for_verdict() -> None:
        form.choose("schedule", "interleaved")
        await run()

    panel = AnswerPanel(on_verdict=run_for_verdict)
    spoken = announcer()
    with box("work"):
        form = ConfigForm(
            endpoint=deps.ollama.url, models=deps.ollama.models, on_run=run, on_stop=board.stop
        )
        cards = SideCards()

    def show_run() -> None:
        sides = board.sides
        panel.show(answer_view(board))
        scale_ms = common_scale(sides)
        for side, card in zip(sides, cards.of(sides), strict=True):
            card.show(
                card_view(
                    side,
                    scale_ms=scale_ms,
                    capabilities=feed.capabilities.get(side.backend),
                    health=feed.states.get(side.backend),
                )
            )
        spoken.show(announcement(sides))
        form.allow(run=not board.running, stop=board.running and not board.stopping)

    def show_health() -> None:
        for name, choices in feed.choices.items():
            form.offer(name, choices)
        show_run()

    show_health()
    feed.run_changed.subscribe(show_run)
    feed.health_changed.subscribe(show_health)
