"""Pages in a real browser: quiet, offline, filtered, searched, opened; on a phone, in the dark, of a hostile server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from hanami_reports.conformance.html.page import conformance_page
from hanami_reports.conformance.html.servers import servers_page
from hanami_reports.model.conformance import ExitStatus, Outcome
from support.browser import DESK, PHONE, WCAG, Opener, Visit, running_browser, stored, visiting
from support.conformance_results import BIG_DIGEST, case, hostile, large, mixed, run_of

PASSED = [case(number, Outcome.PASSED, f"A-{number}") for number in range(59)]
PAGE_OBJECT = re.compile(rb"/Type\s*/Page\b(?!s)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of page, as a file."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "run": conformance_page(mixed()),
        "hostile": conformance_page(hostile()),
        "good": conformance_page(run_of(PASSED, status=ExitStatus.CONFORMANT)),
        "large": conformance_page(large(600, 50)),
        "servers": servers_page({"one": mixed(), "two": hostile()}),
        "many": servers_page({f"server-{number}": mixed() for number in range(11)} | {"hostile" * 9: hostile()}),
    }
    return stored(folder, pages)


@pytest.fixture
def look(browser: Browser, files: dict[str, Path]) -> Iterator[Opener]:
    with visiting(browser, files) as opener:
        yield opener


def expect_visible(visit: Visit, *ids: str) -> None:
    """Wait until exactly these requirements are visible."""
    expect(visit.page.locator("details.requirement:visible .id")).to_have_text(list(ids))


def expect_open(details: Locator) -> None:
    """Wait until a section is visible and open: links open it in an event that comes later than the click."""
    expect(details).to_be_visible()
    expect(details).to_have_attribute("open", "")


def open_everything(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def test_filters_and_search_leave_matching_requirements(look: Opener) -> None:
    visit = look("run")
    page = visit.page
    everything = ("ATT-1", "DATA-2", "DATA-5", "PROG-4", "DIO-3", "GEN-2")
    expect_visible(visit, *everything)
    page.get_by_role("button", name="FAIL 2").click()
    expect_visible(visit, "DATA-2", "DIO-3")
    expect(page.locator("#shown")).to_have_text("2 of 6 requirements")
    page.get_by_role("button", name="KNOWN 1").click()
    expect_visible(visit, "DATA-2", "DATA-5", "DIO-3")
    page.get_by_role("button", name="SHOULD").click()
    expect_visible(visit, "DATA-2", "DIO-3")
    page.keyboard.press("/")
    page.keyboard.type("clusterio_message")
    expect_visible(visit, "DIO-3")
    page.keyboard.type(" nowhere")
    expect_visible(visit)
    page.get_by_role("button", name="Show all").click()
    expect_visible(visit, *everything)


def test_the_numbers_lead_to_the_requirements_that_they_count(look: Opener) -> None:
    visit = look("run")
    page = visit.page
    page.get_by_role("button", name="PASS 1").click()
    page.get_by_role("link", name="2 FAIL", exact=True).press("Enter")
    expect_visible(visit, "DATA-2", "DIO-3")
    expect(page.get_by_role("button", name="FAIL 2")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="PASS 1")).to_have_attribute("aria-pressed", "false")
    page.wait_for_function("() => scrollY > 0")


def test_a_finding_shows_its_ladder_and_closes_by_keyboard(look: Opener) -> None:
    page = look("run").page
    finding = page.locator(".finding", has_text="DATA-2")
    ladder = finding.locator(".ladder")
    expect(ladder).to_be_visible()
    finding.locator("details.case > summary").press("Enter")
    expect(ladder).to_be_hidden()
    finding.locator("details.case > summary").press("Enter")
    expect(ladder).to_be_visible()
    expect(ladder.locator(".violating")).to_have_count(1)
    words = ladder.inner_text()
    for expected in (
        "FileUpload_Message",
        "4,096",
        "errorMessage",
        "beyond it",
        "POST /v1/csv/dataset",
        "2.49 s of silence",
    ):
        assert expected in words
    dump = ladder.locator(".hex pre").filter(has_text="hello world")
    expect(dump).to_be_hidden()
    dump.locator("xpath=..").locator("summary").click()
    expect(dump).to_be_visible()
    lanes = [box for box in (lane.bounding_box() for lane in ladder.locator("> li > .lane").all()) if box]
    assert len({round(box["x"]) for box in lanes}) == 2  # REST and the socket stand side by side
    sent, received = (ladder.locator(f".{name} .title").first.bounding_box() for name in ("sent", "received"))
    assert sent is not None
    assert received is not None
    assert sent["y"] < received["y"]


def test_the_matrix_leads_to_a_requirement_and_links_open_closed_sections(look: Opener) -> None:
    page = look("run").page
    page.get_by_role("button", name="PASS 1").click()
    page.locator(".matrix a", has_text="DIO-3").click()
    expect_open(page.locator("details.requirement", has_text="DIO-3"))
    expect_open(look("run", at="#case-2").page.locator("#case-2"))


def test_commands_to_rerun_a_case_can_be_copied(look: Opener) -> None:
    page = look("run").page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    commands = page.locator(".finding", has_text="DIO-3").locator(".command:visible")
    expect(commands.nth(1).locator("code")).to_have_text(
        "hanami-conformance replay reports/latest/exchanges/test_x.py-test_of_dio_3-7.json"
        " --target http://h:1 --user alice"
    )
    commands.first.get_by_role("button").click()
    commands.first.get_by_text("Copied").wait_for()
    said = page.evaluate("navigator.clipboard.readText()")
    options = "--target http://h:1 --user alice --report-dir reports/rerun"
    assert said == f"hanami-conformance run {options} --case 'test_x.py::test_of_dio_3[7]'"


def test_the_theme_follows_the_system_until_it_is_chosen(look: Opener) -> None:
    page = look("run", scheme="dark").page
    body = page.locator("body")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light").click()
    expect(body).not_to_have_css("background-color", dark)
    page.get_by_role("button", name="Dark").click()
    expect(body).to_have_css("background-color", dark)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["run", "hostile", "servers", "many"])
def test_nothing_is_wider_than_a_phone_or_a_desk(look: Opener, name: str, scheme: str) -> None:
    for size in (PHONE, DESK):
        visit = look(name, size, scheme)
        open_everything(visit.page)
        assert visit.overflow() <= 0


@pytest.mark.parametrize(
    ("name", "scheme", "rules"),
    [("run", "light", WCAG), ("servers", "dark", WCAG), ("many", "light", WCAG), ("run", "dark", ["color-contrast"])],
)
def test_everybody_can_read_it(look: Opener, name: str, scheme: str, rules: list[str]) -> None:
    # WCAG 2.2 AA: contrast, names of controls, order of headings, scrolling by keyboard, and more.
    page = look(name, scheme=scheme).page
    open_everything(page)
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_an_unreadable_page_would_be_detected(look: Opener) -> None:
    page = look("run").page
    page.evaluate("document.querySelector('.brand').replaceChildren(Object.assign(document.createElement('button')))")
    assert Axe().run(page, context=".top", options={"runOnly": ["wcag2a"]}).violations_count == 1


def test_hostile_answers_are_shown_and_never_executed(look: Opener) -> None:
    for name in ("hostile", "servers"):
        visit = look(name)
        page = visit.page
        open_everything(page)
        words = page.locator("main").inner_text()
        assert "<script>window.hacked = 1</script><img src=x" in words
        assert "\\x00\\x07\\x1b[31m \\u202e" in words
        assert "\\xff\\xfe" in words
        assert BIG_DIGEST in words
        assert page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 2  # theme, page


def test_the_policy_stops_requests_and_scripts(look: Opener) -> None:
    visit = look("run")
    visit.page.evaluate(
        """() => {
            const image = document.createElement('img');
            image.src = 'http://127.0.0.1:9/x.png';
            const code = document.createElement('script');
            code.textContent = 'window.hacked = 1';
            document.body.append(image, code);
        }"""
    )
    # The messages of the console arrive asynchronously.
    while sum("Content Security Policy" in text for text in visit.complaints) < 2:
        visit.page.wait_for_event("console")
    assert visit.page.evaluate("window.hacked") is None
    visit.complaints.clear()
    visit.requests.remove("http://127.0.0.1:9/x.png")  # it was stopped, as the console said


def test_servers_are_filtered_by_their_differences(look: Opener) -> None:
    visit = look("servers")
    differs = visit.page.get_by_role("button", name="differs")
    differs.click()
    expect_visible(visit)  # the hostile server was asked for DATA-2 alone, and failed it as the others do
    differs.click()
    visit.page.get_by_role("button", name="LOST 1").click()
    expect_visible(visit, "GEN-2")
    visit.page.locator("details.requirement:visible > summary").click()
    log = visit.page.locator("details.requirement:visible pre.log")
    expect(log).to_be_hidden()  # the case is closed
    visit.page.locator("details.case:visible > summary").first.click()
    expect(log).to_be_visible()
    assert "line 1\nline 2" in log.inner_text()


def test_many_servers_take_a_line_for_each_requirement(look: Opener) -> None:
    page = look("many", DESK).page
    rows = page.locator("details.requirement > summary").all()
    assert len(rows) > 5
    for row in rows:
        box = row.bounding_box()
        assert box is not None
        assert box["height"] < 50
    page.locator("details.requirement > summary").first.click()
    expect(page.locator("details.requirement[open] table.grid thead th")).to_have_count(13)


def test_a_failed_cell_leads_to_its_case(look: Opener) -> None:
    page = look("servers", DESK).page
    page.evaluate("document.querySelectorAll('details.requirement').forEach((one) => { one.open = true; })")
    link = page.locator("table.grid td.fail a").first
    goal = link.get_attribute("href")
    link.click()
    expect_open(page.locator(f"details.case{goal}"))


# Of 59 requirements, and in the large result of 59 findings.
@pytest.mark.parametrize(("name", "most"), [("good", 2), ("run", 3), ("servers", 2), ("many", 3), ("large", 20)])
def test_on_paper_it_is_a_summary_of_a_few_pages(look: Opener, name: str, most: int) -> None:
    page = look(name, scheme="dark").page
    paper = page.pdf(format="A4")
    assert 1 <= len(PAGE_OBJECT.findall(paper)) <= most
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("matchMedia('print').matches")
    for hidden in (".ladder", ".command", ".controls", "button", ".requirement > .inside", ".requirement.pass"):
        assert page.locator(f"{hidden}:visible").count() == 0, hidden
    for visible in (".hero h1", "h2") if "server" in name or name == "many" else (".hero h1", ".matrix .chip"):
        expect(page.locator(visible).first).to_be_visible()


def test_on_paper_each_finding_says_what_was_expected(look: Opener) -> None:
    page = look("run").page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    findings = page.locator(".finding").all()
    assert findings
    for finding in findings:
        expect(finding.locator("h3")).to_be_visible()
        expect(finding.locator(".compare").first).to_be_visible()
