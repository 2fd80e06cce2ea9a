"""Draw the picture of the load tests' page from a real run: ``python -m tools.pictures.load`` (needs Chromium)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tools.web_ui import backend, browser_page, locust

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 8  # of the run before the picture is taken


def main() -> None:
    """Write ``docs/load-ui.png``."""
    with (
        tempfile.TemporaryDirectory() as name,
        backend() as target,
        locust(target, Path(name)) as single,
        browser_page([]) as page,
    ):
        page.goto(single.url)
        page.locator("input[name=userCount]").fill("6")
        page.locator("input[name=spawnRate]").fill("10")
        page.get_by_role("button", name="Start").click()
        page.get_by_role("tab", name="Hanami").click()
        page.get_by_role("status").get_by_text("running, 6 users").wait_for()
        page.wait_for_timeout(SECONDS * 1000)
        page.screenshot(path=ROOT / "docs" / "load-ui.png")
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("reports in").wait_for()


if __name__ == "__main__":
    main()
