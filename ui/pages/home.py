"""`/`: what this is, how the services are, and the three steps to a first comparison."""

from nicegui import ui

from ..components.elements import Text, box
from ..components.service_list import ServiceList
from ..feed import Feed
from ..theme import frame, page_title

STEPS = (
    (
        "Check the services",
        "All three badges above should show a round trip. A service that is not well says why.",
    ),
    (
        "Run performance tests",
        "The dashboard opens with ten calls on each agent, at the same time.",
    ),
    (
        "Read the answer",
        "Both medians and the observed difference stand on top; where the time went is below.",
    ),
)


def register(feed: Feed) -> None:
    """Register the page."""

    @ui.page("/", title=page_title("Home"))
    def home() -> None:
        with frame("Home", feed, path="/"), box("prose"):
            _introduction()
            _steps()
            Text("Services", tag="h2", classes="section-title")
            services = ServiceList()
            services.show(list(feed.states.values()))
            feed.health_changed.subscribe(lambda: services.show(list(feed.states.values())))


def _introduction() -> None:
    with box("answer hero", tag="section", aria_label="Introduction"):
        Text("Which agent is right for your model?", tag="h2", classes="answer-headline")
        Text(
            "perfcompare runs the same calls through a Python and a .NET agent of Microsoft Agent "
            "Framework against Ollama. It shows how long each took, where the time went, and "
            "how far the figures can be trusted.",
            tag="p",
            classes="answer-sentence",
        )
        ui.link("Open the dashboard", "/dashboard").classes("button-main button-link")


def _steps() -> None:
    Text("Your first comparison", tag="h2", classes="section-title")
    with box("steps", tag="ol"):
        for title, words in STEPS:
            with box("step", tag="li"):
                Text(title, tag="h3", classes="step-title")
                Text(words, tag="p", classes="step-words")
