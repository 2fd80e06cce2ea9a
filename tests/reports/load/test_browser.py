"""Pages of load runs in a real browser: drawn, quiet, offline, readable; on a phone, in the dark, on paper, hostile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from hanami_reports.load.compare.comparison import compare_load
from hanami_reports.load.compare.page import compare_page
from hanami_reports.load.compare.runs import LoadRun, Side
from hanami_reports.load.page import load_page
from support.browser import PHONE, WCAG, Opener, Visit, running_browser, stored, visiting
from support.load_results import (
    HOSTILE,
    Plan,
    failed_run,
    hostile_run,
    invalid_run,
    lost_run,
    made_up,
    second_run,
    silent_run,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


def comparison() -> str:
    sides = []
    for side, slowdown in (("base", 1.0), ("new", 1.3)):
        plans = [Plan(5, seed=seed, slowdown=slowdown, wobble=0.01) for seed in range(5)]
        sides.append(Side(side, tuple(LoadRun(Path(side, str(plan.seed)), made_up(plan)) for plan in plans)))
    return compare_page(compare_load(sides[0], sides[1], 0.05))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    runs = {
        "failed": failed_run,
        "invalid": invalid_run,
        "lost": lost_run,
        "second": second_run,
        "silent": silent_run,
        "hostile": hostile_run,
    }
    pages = {name: load_page(run()) for name, run in runs.items()} | {"compare": comparison()}
    return stored(folder, pages)


@pytest.fixture
def look(browser: Browser, files: dict[str, Path]) -> Iterator[Opener]:
    with visiting(browser, files) as opener:
        yield opener


def draw_all(visit: Visit) -> int:
    """Open everything, bring every chart into sight until it is drawn; how many there are."""
    number: int = visit.page.evaluate(
        """async () => {
            document.querySelectorAll('details').forEach((one) => { one.open = true; });
            const charts = [...document.querySelectorAll('.chart')];
            for (const chart of charts) {
                chart.scrollIntoView();
                while (!chart.querySelector('svg')) await new Promise(requestAnimationFrame);
            }
            return charts.length;
        }"""
    )
    return number


@pytest.mark.parametrize(
    ("name", "least"),
    [("failed", 20), ("lost", 0), ("second", 5), ("silent", 1), ("compare", 4)],
)
def test_every_chart_is_drawn_and_nothing_is_wider_than_a_desk(look: Opener, name: str, least: int) -> None:
    visit = look(name)
    drawn = draw_all(visit)
    assert drawn >= least
    assert bool(drawn) == bool(least)
    assert visit.overflow() <= 0


@pytest.mark.parametrize("name", ["lost", "hostile", "compare"])
def test_nothing_is_wider_than_a_phone(look: Opener, name: str) -> None:
    visit = look(name, PHONE, "dark")
    visit.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert visit.overflow() <= 0


@pytest.mark.parametrize(
    ("name", "scheme", "rules"),
    [("invalid", "light", ["color-contrast"]), ("invalid", "dark", WCAG), ("compare", "light", WCAG)],
)
def test_everybody_can_read_it(look: Opener, name: str, scheme: str, rules: list[str]) -> None:
    visit = look(name, scheme=scheme)
    found = Axe().run(visit.page, options={"runOnly": rules, "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_the_value_under_the_pointer_is_shown(look: Opener) -> None:
    page = look("failed").page
    page.locator("#all-curves").scroll_into_view_if_needed()
    page.locator("#all-curves svg").wait_for()
    box = page.locator("#all-curves").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    words = page.locator("#all-curves .readout").inner_text()
    assert "is slower" in words
    assert "upload chunk" in words


def test_hostile_names_are_shown_in_pages_charts_and_under_the_pointer_and_never_executed(look: Opener) -> None:
    visit = look("hostile")
    page = visit.page
    draw_all(visit)
    shown = HOSTILE.split("|", maxsplit=1)[0].strip()
    assert shown in page.locator("main").inner_text()
    assert "\\x00\\x1b[31m\\u202e" in page.locator("main").inner_text()
    chart = page.locator("#all-rate")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    assert shown in chart.locator(".readout").inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 4


def test_charts_follow_the_theme_of_the_system(look: Opener) -> None:
    page = look("second").page
    page.locator("#all-rate").scroll_into_view_if_needed()
    line = page.locator("#all-rate svg path[stroke-width='1.8']").first
    line.wait_for(state="attached")
    light = line.get_attribute("stroke")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "(light) => { const line = document.querySelector(\"#all-rate svg path[stroke-width='1.8']\");"
        " return line && line.getAttribute('stroke') !== light; }",
        arg=light,
    )


def test_paper_has_every_chart(look: Opener) -> None:
    visit = look("failed")
    visit.page.set_viewport_size({"width": 700, "height": 1000})  # A4 without its margins
    visit.page.emulate_media(media="print")
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert visit.page.locator(".chart svg").count() == visit.page.locator(".chart").count()
    assert visit.page.locator("details:not([open])").count() == 0
    assert visit.overflow() <= 0
    visit.page.emulate_media(media="screen")
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert visit.page.locator("details:not([open])").count() > 0
