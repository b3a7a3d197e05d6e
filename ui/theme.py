"""The shell of every page: rail, header with badges, theme toggle and the stylesheet."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import structlog
from fastapi import Request, Response
from nicegui import Client, app, ui

from .components.badges import ServiceBadge, SimulatedBadge, badge_list
from .components.elements import Text, attribute, box, icon_button
from .feed import Feed

STATIC = Path(__file__).parent / "static"
FAVICON = STATIC / "favicon.svg"
PRODUCT = "perfcompare"

_log = structlog.get_logger()

RAIL: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Compare", (("Dashboard", "/dashboard"),)),
    ("Samples", (("Counter", "/counter"), ("Weather", "/weather"))),
)

# Each theme's choice, its icon and the choice that follows it.
THEMES: dict[str, tuple[bool | None, str, str]] = {
    "system": (None, "brightness_auto", "light"),
    "light": (False, "light_mode", "dark"),
    "dark": (True, "dark_mode", "system"),
}
# Before the page has drawn itself, its ground already has the chosen theme's colour.
_GROUNDS = {
    "light": "<style>html{background:#fcfcfa}</style>",
    "dark": "<style>html{background:#0f1113}</style>",
}


def install() -> None:
    """Serve the stylesheet and the font, put them on every page, and word the error pages."""
    app.on_page_exception(_failed_page)
    app.add_exception_handler(404, _missing_page)
    version = sha256((STATIC / "perfcompare.css").read_bytes()).hexdigest()[:12]
    app.add_static_files("/static", STATIC, max_cache_age=86_400)
    ui.add_head_html(
        '<link rel="preload" href="/static/inter-latin.woff2" as="font" type="font/woff2" '
        f'crossorigin><link rel="stylesheet" href="/static/perfcompare.css?v={version}">',
        shared=True,
    )


def page_title(title: str) -> str:
    """Return the browser's title of a page."""
    return f"{title} · {PRODUCT}"


@contextmanager
def frame(title: str, feed: Feed, *, path: str) -> Iterator[None]:
    """Draw the shell around a page's content; `path` is the page's own entry in the rail."""
    content = ui.context.client.content
    attribute(content, tabindex="-1")
    with ui.context.client.layout:
        shell = [_skip_link(content.html_id), _rail(path), _header(title, feed)]
    for position, part in enumerate(shell):
        part.move(target_index=position)
    yield


def _skip_link(target: str) -> ui.element:
    return ui.link("Skip to content", f"#{target}").classes("skip-link")


def _rail(path: str) -> ui.element:
    with box("rail", tag="nav", aria_label="Pages") as rail:
        ui.link(PRODUCT, "/").classes("brand")
        for group, entries in RAIL:
            with box("rail-group"):
                Text(group, tag="p", classes="rail-title")
                for name, target in entries:
                    link = ui.link(name, target).classes("rail-link")
                    attribute(link, aria_current="page" if target == path else None)
    return rail


def _header(title: str, feed: Feed) -> ui.element:
    with box("top", tag="header") as header:
        Text(title, tag="h1", classes="title")
        with badge_list():
            names = (*(backend.name for backend in feed.deps.backends), "ollama")
            badges = {name: ServiceBadge(name) for name in names}
            simulated = SimulatedBadge()
        with box("top-actions"):
            ui.button("Refresh status", on_click=feed.refresh, color=None).props(
                "unelevated no-caps"
            ).classes("button-plain").mark("refresh-status")
            _theme_toggle()

    def show() -> None:
        for name, badge in badges.items():
            badge.show(feed.states.get(name))
        simulated.show(feed.simulated)

    show()
    feed.health_changed.subscribe(show)
    return header


def _theme_toggle() -> None:
    stored = app.storage.user.get("theme")
    choice = stored if stored in THEMES else "system"
    if choice in _GROUNDS:
        ui.add_head_html(_GROUNDS[choice])
    dark = ui.dark_mode(THEMES[choice][0])
    button = icon_button(THEMES[choice][1], _theme_label(choice), lambda: advance())

    def advance() -> None:
        nonlocal choice
        choice = THEMES[choice][2]
        app.storage.user["theme"] = choice
        value, icon, _ = THEMES[choice]
        dark.set_value(value)
        button.set_icon(icon)
        attribute(button, aria_label=_theme_label(choice), title=_theme_label(choice))


def _theme_label(choice: str) -> str:
    return f"Theme: {choice}. Switch to {THEMES[choice][2]}"


def _failed_page(error: Exception) -> None:
    _log.error("page_failed", exc_info=error)
    _message("This page could not be drawn", "The log of the web service says why.")


async def _missing_page(request: Request, _error: Exception) -> Response:
    with Client(ui.page("", title=page_title("No such page")), request=request) as client:
        _message("There is no such page", "The address may be mistyped or out of date.")
    return client.build_response(request, 404)


def _message(title: str, words: str) -> None:
    with box("error-page"):
        Text(title, tag="h1", classes="answer-headline")
        Text(words, tag="p", classes="answer-sentence")
        ui.link("Open the dashboard", "/dashboard").classes("button-main button-link")
