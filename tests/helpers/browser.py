"""Chromium, for tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

_CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium is installed"),
]
"""Marks of a module whose tests open pages."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, for as long as the context is open."""
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def sideways(page: Any) -> int:
    """Pixels by which a page is wider than its window."""
    wider: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider
