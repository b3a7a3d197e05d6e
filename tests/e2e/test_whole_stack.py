"""The journey of a newcomer: the real stack, two real agents, one dashboard in a real browser."""

import re
from typing import Any

import httpx
import psutil
import pytest
from playwright.async_api import Page, expect

from tests.support.browser import page_of
from tests.support.stack import Stack, running_stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.dotnet,
    pytest.mark.stack,
    pytest.mark.timeout(600),  # a first start may have to build the .NET agent
]

BACKENDS = ("python-backend", "dotnet-backend")
PAGES = ("/", "/dashboard", "/counter", "/weather")
DURATION = re.compile(r"\d+(\.\d+)? ms")


def service_process(stack: Stack, module: str) -> psutil.Process:
    """Return the process that runs `python -m module`."""
    for process in stack.descendants():
        if module in process.cmdline():
            return process
    raise AssertionError(f"no process runs {module}")


async def run_from_the_form(page: Page, iterations: int) -> None:
    """Fill in the form, press the button, wait for both cards."""
    await page.get_by_label("Iterations", exact=True).fill(str(iterations))
    await page.get_by_role("button", name="Run performance tests").click()
    for name in BACKENDS:
        shown = page.get_by_role("article", name=name).get_by_text("Completed")
        await expect(shown).to_be_visible(timeout=60_000)


async def test_a_newcomer_measures_both_agents() -> None:
    """Run from the dashboard, read real figures, lose a backend: the page tells all of it."""
    with running_stack() as stack:
        url = stack.urls["web"]
        async with page_of(url) as (page, faults):
            for path in PAGES:
                await page.goto(path)
                await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await page.goto("/dashboard")
            await expect(page.get_by_text("simulated model").first).to_be_visible()

            await run_from_the_form(page, 20)

            for name in BACKENDS:
                card = page.get_by_role("article", name=name)
                await expect(card).to_contain_text("20 of 20")
                await expect(card).to_contain_text(DURATION)
            answer = page.get_by_role("region", name="Comparison")
            await expect(answer).to_contain_text("Observed difference")
            await expect(answer).to_contain_text("contended: no verdict")
            await expect(answer).not_to_contain_text("faster")
            assert [] == faults.found

            badge = page.get_by_role("listitem").filter(has_text="dotnet-backend")
            await expect(badge).to_contain_text(DURATION)
            service_process(stack, "backend_dotnet_shim").kill()
            await expect(badge).to_contain_text(re.compile("unhealthy|unreachable"), timeout=20_000)


SEED_BODY: dict[str, Any] = {
    "iterations": 10,
    "model": "ministral-3",
    "endpoint": "http://localhost:11434",
    "testMode": "standard",
    "batchSize": 10,
    "concurrentRequests": 5,
}


async def test_the_rest_calls_of_the_seed_work_on_every_service() -> None:
    """Both backends and the fan-out take the seed's fields and answer with typed figures."""
    with running_stack() as stack:
        body = SEED_BODY | {"endpoint": stack.urls["ollama-simulator"]}
        async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
            for name in BACKENDS:
                base = f"{stack.urls[name]}/api/performance"
                health = (await client.get(f"{base}/health")).json()
                reply = await client.post(f"{base}/run", json=body)

                assert {"status": "healthy", "service": name}.items() <= health.items()
                assert reply.status_code == 200
                result = reply.json()
                assert result["success"] is True
                assert result["metrics"]["totalIterations"] == 10
                assert type(result["metrics"]["totalExecutionTimeMs"]) is int
                assert result["metrics"]["provider"] == "ollama-simulator"
            both = await client.post(f"{stack.urls['web']}/api/performance/run", json=body)

        answer = both.json()
        assert list(BACKENDS) == [entry["backend"] for entry in answer["results"]]
        assert "none" == answer["comparison"]["verdict"]
        assert "contended" == answer["comparison"]["reason"]
        medians = [side["medianMs"] for side in answer["comparison"]["sides"]]
        assert pytest.approx(medians[1] - medians[0]) == answer["comparison"]["differenceMs"]
