"""A headless Chromium for the tests of pages: what it complains of and what it asks a network for fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser; without one the tests are skipped, and say what is missing."""
    if CHROMIUM is None:
        pytest.skip("no browser: install Debian's package chromium, or name a Chromium in the environment's CHROMIUM")
    sync = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
    with sync.sync_playwright() as playwright:
        try:
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        except sync.Error as error:  # the machine lacks what a browser needs
            pytest.skip(f"{CHROMIUM} does not start here: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """A page, ready to be used; it must not have complained, nor asked for anything but itself."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector("html[data-ready=yes], iframe", state="attached")
    yield page
    assert complaints == []
    assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} <= {address.partition("#")[0]}
    context.close()
