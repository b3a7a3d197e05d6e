"""The other pages: home, counter and weather."""

import re

import pytest

from tests.support.web_service import both, stage


async def test_home_says_what_this_is_and_how_to_begin() -> None:
    """Two sentences, three steps, the services and the way to the dashboard."""
    python, dotnet = both()
    dotnet.healthy = False
    async with stage(python, dotnet) as scene:
        await scene.user.open("/")

        await scene.user.should_see("Which agent is right for your model?")
        for step in ("Check the services", "Run performance tests", "Read the answer"):
            await scene.user.should_see(step)
        await scene.user.should_see("unhealthy: no agent here")
        scene.user.find("Open the dashboard").click()
        await scene.user.should_see("Compare two agents on your model")


async def test_the_counter_counts() -> None:
    """Each click adds one."""
    async with stage() as scene:
        await scene.user.open("/counter")
        assert scene.text("count") == "Current count: 0"

        scene.user.find(marker="count-up").click()
        scene.user.find(marker="count-up").click()

        assert scene.text("count") == "Current count: 2"


async def test_the_weather_is_labelled_as_sample_data() -> None:
    """Five days, and nobody can take them for a forecast."""
    async with stage() as scene:
        await scene.user.open("/weather")

        await scene.user.should_see("Sample data")
        await scene.user.should_see("generated sample data, not a forecast")
        with scene.user:
            from nicegui import ElementFilter

            texts = [getattr(element, "text", "") for element in ElementFilter()]
        days = [text for text in texts if re.fullmatch(r"\w{3} \d\d \w{3} \d{4}", text)]
        assert len(days) == 5


@pytest.mark.parametrize("path", ["/", "/dashboard", "/counter", "/weather"])
async def test_every_link_of_the_rail_leads_to_a_page(path: str) -> None:
    """No entry points to a page that does not exist."""
    async with stage() as scene:
        await scene.user.open(path)
        with scene.user:
            from nicegui import ElementFilter, ui

            links = {str(link.props["href"]) for link in ElementFilter(kind=ui.link)}
        for target in links:
            if target.startswith("/"):
                await scene.user.open(target)
