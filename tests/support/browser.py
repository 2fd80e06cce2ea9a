"""A headless Chromium for tests of pages, without any network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 375, "height": 800}
DESK = {"width": 1280, "height": 900}
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
TIMEOUT = 20_000  # milliseconds; only reached when something is broken


def chromium() -> str:
    """Path of a Chromium. Without one the test is skipped, or fails where HANAMI_REQUIRE_BROWSER is 1."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        why = "no Chromium on PATH: install the package chromium of your system"
        if os.environ.get("HANAMI_REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser with a new empty profile; it ends with the block."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=TIMEOUT)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page that is looked at, and all that it did which a page must not do.

    Attributes:
        page: Page of the browser.
        complaints: Console messages, errors and dialogs.
        requests: Requested addresses besides the file itself.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(TIMEOUT)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self.requests.append(request.url))

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        pixels: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return pixels


Opener = Callable[..., Visit]


@contextmanager
def visiting(browser: Browser, files: Mapping[str, Path]) -> Iterator[Opener]:
    """What opens a page by its name. In the end none of them may have said or asked for anything but itself."""
    visits = []
    contexts = []

    def opened(name: str, size: dict[str, int] = DESK, scheme: str = "light", at: str = "") -> Visit:
        context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        visit = Visit(context.new_page())
        visits.append(visit)
        visit.page.goto(files[name].as_uri() + at)
        return visit

    yield opened
    for visit in visits:
        assert visit.complaints == []
        assert [url for url in visit.requests if url.split("#", maxsplit=1)[0] != visit.page.url.split("#")[0]] == []
    for context in contexts:
        context.close()


def stored(folder: Path, pages: Mapping[str, str]) -> dict[str, Path]:
    """The pages as files of a folder."""
    files = {name: folder / f"{name}.html" for name in pages}
    for name, text in pages.items():
        files[name].write_text(text, encoding="utf-8", errors="backslashreplace")
    return files
