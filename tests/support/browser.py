"""A headless Chromium that remembers what went wrong on its pages."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, async_playwright

from service_defaults.settings import process_environment

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Console errors and warnings, uncaught errors, and replies of 400 and above."""

    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Collect what goes wrong on `page` from now on."""
        page.on(
            "console",
            lambda message: (
                self.found.append(f"console: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))
        page.on("requestfailed", lambda request: self.found.append(f"failed: {request.url}"))
        page.on(
            "response",
            lambda reply: (
                self.found.append(f"{reply.status}: {reply.url}") if reply.status >= 400 else None
            ),
        )


def chromium() -> str:
    """Return Chromium's path; without one the test is skipped, where CI requires it it fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if process_environment().get("CI"):
            pytest.fail("Chromium is required here and is not installed")
        pytest.skip("Chromium is not installed")
    return path


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start Chromium with an empty profile."""
    path = chromium()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def page_of(
    url: str, *, scheme: Scheme = "light", width: int = 1440, height: int = 1010, **options: Any
) -> AsyncIterator[tuple[Page, Faults]]:
    """Open a page of the service at `url`; its faults are collected."""
    async with browser() as started:
        context = await started.new_context(
            base_url=url,
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            **options,
        )
        context.set_default_timeout(15_000)
        page = await context.new_page()
        faults = Faults()
        faults.watch(page)
        yield page, faults
        # Leave the page first, so that the service closes no socket that is in use.
        await page.close()
        await context.close()
