"""Take the pictures of the pages from real runs: ``python -m tools.pictures.pages`` (needs ``.[dev]`` and a Chromium).

A reference backend without faults, and two with several, are judged, and one is loaded; the pages of these
runs are opened, and what a reader sees first is stored in ``docs/``, in few colours.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tools.reference import BACKEND, RUN_SUITE

FOLDER = Path(__file__).resolve().parents[2] / "docs"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FAULTY = {
    "first": ("chunks-clipped-at-the-end", "complete-from-the-beginning"),
    "second": ("loses-boundary-bytes", "training-lost-with-the-socket", "any-password-will-do"),
}
PASSWORDS = {"HANAMI_PASSWORD": "alice-password", "HANAMI_SECOND_PASSWORD": "bob-password"}
COLOURS = 128
LIMIT = 200_000  # bytes of a picture
SHARP = 1.5  # pixels of a picture for one of the page, and more on a phone
DESK, TALL, PHONE = {"width": 1200, "height": 860}, {"width": 1200, "height": 1420}, {"width": 375, "height": 812}


def main() -> None:
    """Write ``docs/conformance*.png``, ``docs/servers.png``, ``docs/load*.png`` and ``docs/badge.svg``."""
    browser_path = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser_path is None:
        sys.exit("no Chromium on PATH: install the package chromium of your system")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        run_verdict(folder, "faultless", ())
        for name, faults in FAULTY.items():
            run_verdict(folder, name, faults)
        shutil.copyfile(folder / "faultless" / "badge.svg", FOLDER / "badge.svg")
        runs = [str(folder / name) for name in ("faultless", *FAULTY)]
        subprocess.run(
            [sys.executable, "-m", "hanami_reports.cli.main", "render", *runs, "--out", str(folder / "servers")],
            check=True,
        )
        is_load_valid = load(folder)
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        )
        with contextlib.closing(browser):
            shoot(browser, folder)
            if is_load_valid:
                shoot_load(browser, folder)
    if not is_load_valid:
        sys.exit("the load run did not pass, so its pictures stay as they were: take them on an idle machine")


def shoot(browser: Browser, folder: Path) -> None:
    """Take all pictures."""
    with opened(browser, folder / "first", DESK, "light") as page:
        save(page, "conformance.png")
    with opened(browser, folder / "first", TALL, "dark") as page:
        open_failure(page)
        save(page, "conformance-failure.png")
    with opened(browser, folder / "faultless", PHONE, "light") as page:
        save(page, "conformance-phone.png")
    with opened(browser, folder / "servers", DESK, "light") as page:
        page.get_by_role("button", name="differs").click()
        requirement = page.locator("details.requirement:has(> summary .id:text-is('PROG-2'))")
        requirement.locator("> summary").click()
        requirement.evaluate("(one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 330)")
        save(page, "servers.png")


def shoot_load(browser: Browser, folder: Path) -> None:
    """Take the pictures of a load run: its beginning, and charts of one type of message."""
    with opened(browser, folder / "load", DESK, "light", "load.html") as page:
        save(page, "load.png")
    with opened(browser, folder / "load", DESK, "dark", "load.html") as page:
        chunks = page.locator("details.type", has_text="direct request").first
        chunks.evaluate("(one) => { one.open = true; one.scrollIntoView(); }")
        for chart in chunks.locator(".chart").all():
            chart.locator("svg").wait_for()
        save(page, "load-charts.png")


def open_failure(page: Page) -> None:
    """Show the exchange of a chunk that should have been refused."""
    page.locator("#search").fill("DATA-5")
    page.get_by_role("button", name="FAIL").click()
    requirement = page.locator("details.requirement:visible").first
    requirement.locator("> summary").click()
    requirement.evaluate("(one) => scrollTo(0, one.getBoundingClientRect().top + scrollY - 112)")


@contextlib.contextmanager
def opened(
    browser: Browser, folder: Path, size: dict[str, int], scheme: str, name: str = "conformance.html"
) -> Iterator[Page]:
    """Provide a page of a run."""
    sharp = 2 if size is PHONE else SHARP
    context = browser.new_context(viewport=size, color_scheme=scheme, device_scale_factor=sharp)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto((folder / name).as_uri())
    yield page
    context.close()


def save(page: Page, name: str) -> None:
    """Store what the window shows."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    content = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    if content.tell() >= LIMIT:
        sys.exit(f"{name}: {content.tell():,} bytes, and a picture may have {LIMIT:,}")
    (FOLDER / name).write_bytes(content.getvalue())


def run_verdict(folder: Path, name: str, faults: tuple[str, ...]) -> None:
    """Run the suite against a backend with these faults; its reports go to a folder of this name."""
    command = [sys.executable, *BACKEND, *(word for fault in faults for word in ("--fault", fault))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as backend:
        assert backend.stdin is not None
        assert backend.stdout is not None
        url = json.loads(backend.stdout.readline())["url"]
        users = ["--user", "alice", "--second-user", "bob"]
        subprocess.run(
            [sys.executable, *RUN_SUITE, "--target", url, *users, "--report-dir", name],
            cwd=folder,
            env={**os.environ, **PASSWORDS},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        backend.stdin.close()


def load(folder: Path) -> bool:
    """Load a reference backend, and return whether it passed; the reports go to the folder ``load``."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hanami_loadtests.cli",
            "run",
            "--target",
            "reference",
            "--seconds",
            "20",
            "--report-dir",
            "load",
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


if __name__ == "__main__":
    main()
