"""`/dashboard`: configure, run, stop, and see both backends side by side."""

from nicegui import ui

from ..components.answer import AnswerPanel, announcer
from ..components.config_form import ConfigForm
from ..components.elements import box
from ..components.side_card import SideCard
from ..feed import Feed
from ..state.answer import answer_view
from ..state.board import AlreadyRunning
from ..state.cards import announcement, card_view, common_scale
from ..state.form import FormInvalid, read_form
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
            configuration = await read_form(form.values, deps.policy)
            feed.start(configuration)
        except FormInvalid as invalid:
            form.refuse(invalid.reasons)
        except AlreadyRunning as busy:
            form.refuse({"": str(busy)})
        else:
            form.refuse({})
        show_run()

    panel = AnswerPanel()
    spoken = announcer()
    with box("work"):
        form = ConfigForm(
            endpoint=deps.ollama.url,
            modes=feed.modes,
            models=deps.ollama.models,
            on_run=run,
            on_stop=board.stop,
        )
        with box("cards"):
            cards = {side.backend: SideCard(side.backend) for side in board.sides}

    def show_run() -> None:
        panel.show(answer_view(board))
        scale_ms = common_scale(board.sides)
        for side in board.sides:
            cards[side.backend].show(
                card_view(
                    side,
                    scale_ms=scale_ms,
                    capabilities=feed.capabilities.get(side.backend),
                    health=feed.states.get(side.backend),
                )
            )
        spoken.show(announcement(board.sides))
        form.allow(run=not board.running, stop=board.running and not board.stopping)

    def show_health() -> None:
        form.offer_modes(feed.modes)
        show_run()

    show_run()
    feed.run_changed.subscribe(show_run)
    feed.health_changed.subscribe(show_health)
