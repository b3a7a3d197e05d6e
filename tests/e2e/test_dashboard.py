"""The dashboard in a real browser, over the whole web service and fake backends on real sockets."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from nicegui.testing.general import nicegui_reset_globals
from playwright.async_api import Page, expect

from service_defaults.endpoints import EndpointPolicy
from tests.support.browser import Faults, Scheme, page_of
from tests.support.fake_backend import FakeBackend
from tests.support.web_service import FakeOllama, both, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PAGES = ("/", "/dashboard", "/counter", "/weather")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The service's address and the fakes behind it."""

    url: str
    python: FakeBackend
    dotnet: FakeBackend


@asynccontextmanager
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Serve the web service, two fake backends and a fake model server."""
    python, dotnet = both()
    async with AsyncExitStack() as resources:
        urls = {
            fake.name: await resources.enter_async_context(serving(fake.app()))
            for fake in (python, dotnet)
        }
        ollama = FakeOllama(simulated=True).app()
        urls["ollama"] = await resources.enter_async_context(serving(ollama))
        resources.enter_context(nicegui_reset_globals())
        listener = socket.create_server(("127.0.0.1", 0))
        url = await resources.enter_async_context(
            serving(_web(tmp_path, urls, listener), websockets=True, listener=listener)
        )
        yield Stack(url=url, python=python, dotnet=dotnet)


def _web(tmp_path: Path, urls: dict[str, str], listener: socket.socket) -> object:
    from comparison import BackendClient
    from service_defaults.discovery import service_client
    from ui.app import create_app
    from ui.clients import Deps, OllamaClient
    from ui.settings import BACKENDS, WebSettings

    http = service_client(urls)
    policy = EndpointPolicy()
    deps = Deps(
        backends=tuple(BackendClient(n, label=label, http=http) for n, label in BACKENDS.items()),
        ollama=OllamaClient(http, url=urls["ollama"], policy=policy),
        policy=policy,
        addresses=urls,
        http=(http,),
    )
    port = int(listener.getsockname()[1])
    return create_app(WebSettings(data_dir=tmp_path, port=port), deps)


@asynccontextmanager
async def dashboard(
    tmp_path: Path, *, scheme: Scheme = "light", width: int = 1440
) -> AsyncIterator[tuple[Stack, Page, Faults]]:
    """Open the dashboard and wait until it is connected."""
    async with (
        stack(tmp_path) as served,
        page_of(served.url, scheme=scheme, width=width) as (page, faults),
    ):
        await page.goto("/dashboard")
        await expect(page.get_by_role("heading", name="Dashboard", level=1)).to_be_visible()
        await expect(page.get_by_text(re.compile(r"^(<?\d+) ms$")).first).to_be_visible()
        yield served, page, faults


async def run(page: Page) -> None:
    """Press the button and wait until both cards have completed."""
    await page.get_by_role("button", name="Run performance tests").click()
    for name in ("python-backend", "dotnet-backend"):
        shown = page.get_by_role("article", name=name).get_by_text("Completed")
        await expect(shown).to_be_visible()


async def test_a_run_shows_both_cards_and_the_difference(tmp_path: Path) -> None:
    """Press the button, see both results and the answer on top; nothing goes wrong meanwhile."""
    async with dashboard(tmp_path) as (_, page, faults):
        await run(page)

        answer = page.get_by_role("region", name="Comparison")
        await expect(answer).to_contain_text("−10.0 ms (−33.3 %), .NET minus Python")
        await expect(page.get_by_role("article", name="python-backend")).to_contain_text("30.0")
        await expect(page.get_by_role("article", name="dotnet-backend")).to_contain_text("20.0")
        chip = answer.get_by_role("button", name="contended: no verdict")
        why = answer.get_by_role("tooltip").first
        await expect(why).to_be_hidden()
        await chip.focus()
        await expect(why).to_be_visible()
        assert [] == faults.found


async def test_stop_stops_both(tmp_path: Path) -> None:
    """The bars tell how far; Stop ends both runs, and another can be started."""
    async with dashboard(tmp_path) as (served, page, faults):
        served.python.gate.clear()
        served.dotnet.gate.clear()
        await page.get_by_role("button", name="Run performance tests").click()
        bar = page.get_by_role("progressbar", name="python-backend progress")
        await expect(bar).to_have_attribute("aria-valuenow", "50")
        await expect(page.get_by_role("button", name="Run performance tests")).to_be_disabled()

        await page.get_by_role("button", name="Stop").click()

        for name in ("python-backend", "dotnet-backend"):
            shown = page.get_by_role("article", name=name).get_by_text("Stopped", exact=True)
            await expect(shown).to_be_visible()
        await expect(page.get_by_role("button", name="Run performance tests")).to_be_enabled()
        assert [] == faults.found


async def test_a_reload_and_a_second_tab_see_the_running_comparison(tmp_path: Path) -> None:
    """The run belongs to the server, not to the page."""
    async with dashboard(tmp_path) as (served, page, faults):
        served.python.gate.clear()
        served.dotnet.gate.clear()
        await page.get_by_role("button", name="Run performance tests").click()
        await expect(page.get_by_role("heading", name="Comparison is running")).to_be_visible()

        await page.reload()
        second = await page.context.new_page()
        faults.watch(second)
        await second.goto("/dashboard")
        for tab in (page, second):
            bar = tab.get_by_role("progressbar", name="dotnet-backend progress")
            await expect(bar).to_have_attribute("aria-valuenow", "50")

        served.python.gate.set()
        served.dotnet.gate.set()
        for tab in (page, second):
            await expect(tab.get_by_text("Observed difference")).to_be_visible()


async def test_a_badge_turns_without_a_reload(tmp_path: Path) -> None:
    """A backend that is no longer well shows within a round of the collector."""
    async with dashboard(tmp_path) as (served, page, faults):
        badge = page.get_by_role("list", name="Services").get_by_role("listitem")
        await expect(badge.nth(1)).to_contain_text(re.compile(r"dotnet-backend<?\d+ ms"))

        served.dotnet.healthy = False

        await expect(badge.nth(1)).to_contain_text("dotnet-backendunhealthy")
        await expect(badge.nth(0)).to_contain_text(re.compile(r"python-backend<?\d+ ms"))
        assert [] == faults.found


async def test_the_page_can_be_used_by_keyboard_alone(tmp_path: Path) -> None:
    """Skip link first, then every control in order; Enter in a field runs."""
    async with dashboard(tmp_path) as (served, page, faults):
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        iterations = page.get_by_role("spinbutton", name="Iterations")
        await expect(iterations).to_be_focused()
        await page.keyboard.press("Control+a")
        await page.keyboard.type("3")
        model = page.get_by_role("textbox", name="Model")
        await page.keyboard.press("Tab")
        await expect(model).to_be_focused()
        button = page.get_by_role("button", name="Run performance tests")
        for _ in range(8):
            if await button.evaluate("element => element === document.activeElement"):
                break
            await page.keyboard.press("Tab")
        await expect(button).to_be_focused()
        outline = await button.evaluate("element => getComputedStyle(element).outlineStyle")
        assert "solid" == outline

        await page.keyboard.press("Enter")

        await expect(page.get_by_text("Observed difference")).to_be_visible()
        assert [3] == [entry.iterations for entry in served.python.configurations]
        assert [] == faults.found


async def test_the_mode_can_be_chosen_and_shows_its_field(tmp_path: Path) -> None:
    """The select works in a browser, and the run gets what was chosen."""
    async with dashboard(tmp_path) as (served, page, faults):
        await expect(page.get_by_role("spinbutton", name="Batch size")).to_be_hidden()
        await page.get_by_role("combobox", name="Test mode").click()
        await page.get_by_role("option", name="batch").click()
        await page.get_by_role("spinbutton", name="Batch size").fill("4")
        await page.get_by_role("button", name="Choose an installed model").click()
        await page.get_by_text("llama3.2:3b").click()
        await expect(page.get_by_role("textbox", name="Model")).to_have_value("llama3.2:3b")
        await run(page)

        (sent,) = served.python.configurations
        assert ("batch", 4, "llama3.2:3b") == (sent.test_mode, sent.batch_size, sent.model)
        assert [] == faults.found


async def test_a_refused_field_says_why_in_place(tmp_path: Path) -> None:
    """The reason stands at the field, and the field is marked for screen readers."""
    async with dashboard(tmp_path) as (served, page, faults):
        await page.get_by_role("textbox", name="Endpoint").fill("http://192.0.2.7:11434")
        await page.get_by_role("button", name="Run performance tests").click()

        await expect(page.get_by_text("is not an allowed model server")).to_be_visible()
        await expect(page.get_by_role("textbox", name="Endpoint")).to_have_attribute(
            "aria-invalid", "true"
        )
        assert [] == served.python.configurations
        assert [] == faults.found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_an_error_or_scrolls_sideways(tmp_path: Path, scheme: Scheme) -> None:
    """Every page, both themes, wide and at 360 px: no console error, no 404, no overflow."""
    async with stack(tmp_path) as served:
        for width in (1440, 360):
            async with page_of(served.url, scheme=scheme, width=width) as (page, faults):
                for path in PAGES:
                    await page.goto(path)
                    await expect(page.get_by_role("heading", level=1)).to_be_visible()
                    wide = "document.documentElement.scrollWidth - window.innerWidth"
                    assert await page.evaluate(wide) <= 0, (path, width)
                    dark = await page.evaluate("document.body.classList.contains('body--dark')")
                    assert dark == (scheme == "dark")
                    ids = "[...document.querySelectorAll('[id]')].map(element => element.id)"
                    found = await page.evaluate(ids)
                    assert len(found) == len(set(found)), path
                assert [] == faults.found


async def test_a_result_fits_a_phone(tmp_path: Path) -> None:
    """At 360 px the answer, its explanation and both cards stack without sideways scrolling."""
    async with dashboard(tmp_path, width=360) as (_, page, faults):
        await run(page)
        await page.get_by_role("button", name="contended: no verdict").focus()
        await expect(page.get_by_role("tooltip").first).to_be_visible()
        await expect(page.get_by_role("tooltip").first).to_be_in_viewport()

        wide = "document.documentElement.scrollWidth - window.innerWidth"
        assert await page.evaluate(wide) <= 0
        first, second = [
            await page.get_by_role("article", name=name).bounding_box()
            for name in ("python-backend", "dotnet-backend")
        ]
        assert first is not None
        assert second is not None
        assert first["y"] + first["height"] <= second["y"]
        assert [] == faults.found


async def test_the_theme_is_chosen_and_remembered(tmp_path: Path) -> None:
    """The toggle overrides the system's theme and survives a reload."""
    async with dashboard(tmp_path, scheme="dark") as (_, page, faults):
        await page.get_by_role("button", name="Theme: system. Switch to light").click()
        await expect(page.locator("body")).to_have_class(re.compile("body--light"))
        await page.reload()

        await expect(
            page.get_by_role("button", name="Theme: light. Switch to dark")
        ).to_be_visible()
        await expect(page.locator("body")).to_have_class(re.compile("body--light"))
        assert [] == faults.found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_enough_contrast(tmp_path: Path, scheme: Scheme) -> None:
    """Every visible text reaches WCAG AA against what is behind it."""
    script = (Path(__file__).parent.parent / "support" / "contrast.js").read_text("utf-8")
    async with dashboard(tmp_path, scheme=scheme) as (served, page, _):
        served.dotnet.failure = "model not found"
        await page.get_by_role("button", name="Run performance tests").click()
        await expect(page.get_by_text("No difference")).to_be_visible()
        assert [] == await page.evaluate(script)
        for path in PAGES:
            await page.goto(path)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert [] == await page.evaluate(script), path
