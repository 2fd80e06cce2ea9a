"""Pages hold what the result holds, decoded; they load nothing, stay small, and show what is hostile as text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hanami_reports.common.badge import GREY, YELLOW, render_badge
from hanami_reports.common.format import format_span
from hanami_reports.common.page import block
from hanami_reports.common.text import format_moment, one_line
from hanami_reports.conformance.badge import badge_svg
from hanami_reports.conformance.export.client_commands import ClientCommands
from hanami_reports.conformance.html import page
from hanami_reports.conformance.html.ladder import FULL, SHORT, ladder
from hanami_reports.conformance.html.page import LIMIT, PageTooLargeError, conformance_page
from hanami_reports.conformance.html.payload import hex_dump
from hanami_reports.conformance.html.servers import MOST, servers_page, short_names
from hanami_reports.model.conformance import ExitStatus, Outcome, RunResult, Verdict
from support.conformance_results import (
    BIG_DIGEST,
    CODEC,
    case,
    cluster_exchange,
    event,
    hostile,
    large,
    mixed,
    run_of,
    upload_exchange,
)
from support.recorded_exchanges import recorded_result


class Codes(HTMLParser):
    """Texts of all code elements of a page, as its scripts copy them."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_code = False

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self._is_code = tag == "code"
        if self._is_code:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_code &= tag != "code"

    def handle_data(self, data: str) -> None:
        if self._is_code:
            self.texts[-1] += data


class Elements(HTMLParser):
    """Names of all elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_an_exchange_is_decoded_by_the_resource_of_its_socket() -> None:
    view = ladder(upload_exchange(), CODEC, FULL)
    assert view.lanes == ("REST", "ws-1")
    rows = {row.title: row for row in view.rows}
    chunk = rows["FileUpload_Message"].payload
    assert dict(chunk.fields) == {"position": "4,096", "data": "11 bytes  68 65 6c 6c 6f 20 77 6f ..."}
    assert chunk.dump.endswith("hello world")
    assert dict(rows["FileUploadResponse_Message"].payload.fields) == {"success": "false", "errorMessage": "beyond it"}
    assert rows["binary"].payload.text == '{"success": true}'
    assert rows["POST /v1/csv/dataset"].payload.text == '{"name": "x"}'
    assert rows["connection reset by the suite"].silence == "2.49 s"
    assert [row.lane for row in view.rows] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert rows["FileUpload_Message"].accessible_label == "client sends, ws-1:"


def test_values_of_a_cluster_are_decoded_and_other_bytes_are_marked() -> None:
    rows = ladder(cluster_exchange(), CODEC, FULL).rows
    sent = dict(rows[2].payload.fields)
    assert (sent["name"], sent["processType"], sent["isLast"], sent["numberOfValues"]) == (
        '"test_input"',
        "REQUEST_TYPE",
        "true",
        "12",
    )
    assert sent["values"] == "[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, ... 12 values]"
    assert dict(rows[3].payload.fields)["values"] == "[1, 0.25]"
    assert rows[4].payload.name == "not a valid ClusterIO_Message"


def test_many_connections_share_a_lane_and_are_named() -> None:
    view = ladder([event(0.1 * n, f"ws-{n}", "note", "open", "x") for n in range(6)], CODEC, FULL)
    assert view.lanes == ("",)
    assert [row.channel for row in view.rows] == [f"ws-{n}" for n in range(6)]


def test_the_middle_of_a_long_exchange_is_left_out_and_counted() -> None:
    events = [event(0.01 * n, "ws-1", "note", "open", f"event {n}") for n in range(1000)]
    view = ladder(events, CODEC, SHORT)
    assert [row.skipped for row in view.rows if row.skipped] == [1000 - SHORT.first - SHORT.last]
    assert (view.rows[0].title, view.rows[-1].title, view.total) == ("event 0", "event 999", 1000)


def test_hexadecimal_has_sixteen_bytes_a_line() -> None:
    first, second = hex_dump(bytes(range(60, 80))).splitlines()
    assert first == "0000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK"
    assert second.startswith("0010  4c 4d 4e 4f ")


def test_text_is_printable_and_cut_with_its_digest() -> None:
    assert one_line("a\x00b\n\u202e\ud800\x85") == "a\\x00b\\n\\u202e\\ud800\\x85"
    digest = hashlib.sha256(b"x" * 1000).hexdigest()[:16]
    assert one_line("x" * 1000) == "x" * 600 + f"... (cut: 1,000 characters, sha256 {digest}...)"
    assert block("<b>\n\x07") == "&lt;b&gt;\n\\x07"
    assert [format_span(value) for value in (0, 0.0012, 0.25, 1.26, 125.0, float("nan"))] == [
        "0 s",
        "1.2 ms",
        "250 ms",
        "1.26 s",
        "2 min 5 s",
        "? s",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-11-25T15:44:00+00:00", "2026-11-25 15:44 UTC"),
        ("2026-11-25T15:44:59.9+02:00", "2026-11-25 13:44 UTC"),
        ("2026-11-25T15:44:00", "2026-11-25T15:44:00"),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59"),
        ("<b>", "<b>"),
    ],
)
def test_times_are_formatted_to_the_minute(value: str, text: str) -> None:
    assert format_moment(value) == text


@pytest.mark.parametrize("page", [conformance_page(mixed()), servers_page({"a": mixed(), "b": hostile()})])
def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    assert rules["default-src"] == "'none'"
    for element, count in (("style", 1), ("script", 2)):
        inside = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        assert len(inside) == count
        digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inside]
        assert rules[f"{element}-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    elements = Elements()
    elements.feed(page)
    assert not elements.tags & {"link", "img", "iframe", "object", "base", "form"}
    assert not [name for name in elements.attributes if name in {"src", "style", "srcset"} or name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://(?!h:1)", re.sub(r"(?s)<body>.*", "", page))


def test_hostile_text_is_text_and_truncated_text_has_its_digest() -> None:
    page = conformance_page(hostile())
    assert "<script>window" not in page
    assert "&lt;script&gt;window.hacked = 1&lt;/script&gt;" in page
    assert BIG_DIGEST in page
    assert "\\xff\\xfe" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", page)
    assert len(page) < 200_000


def test_a_large_result_stays_small_and_counts_omissions() -> None:
    result = large(3000, 100)
    page = conformance_page(result)
    assert 1_000_000 < len(page.encode()) < LIMIT
    included, omitted = (page.count(text) for text in ('<ol class="ladder', "No room for its exchange of 100 events"))
    assert included >= 59  # one of each requirement at least
    assert omitted > 50
    for requirement in result.requirements:
        assert page.count(f'<code class="id">{requirement.id}</code>') == 1
    counted = sum(int(number) for number in re.findall(r"No room for (\d+) more case", page))
    assert included + omitted + counted == 300


def test_a_page_is_drawn_more_shortly_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = conformance_page(large(600, 50))
    monkeypatch.setattr(page, "LIMIT", len(whole) // 2)
    short = conformance_page(large(600, 50))
    assert len(short) < len(whole) // 2
    assert short.count('class="id"') == whole.count('class="id"') == 59
    monkeypatch.setattr(page, "LIMIT", 10_000)
    with pytest.raises(PageTooLargeError, match="not even the numbers"):
        conformance_page(large(600, 50))


def test_a_huge_text_in_every_field_cannot_make_a_page_large() -> None:
    huge = "<" * 3_000_000
    result = run_of(
        [case(n, Outcome.FAILED, "DATA-2", (event(0, huge, huge, huge, huge),), huge) for n in range(3)], text=huge
    )
    assert len(conformance_page(result).encode()) < LIMIT


def test_a_case_of_two_requirements_is_shown_once_and_linked_to() -> None:
    one = dataclasses.replace(case(1, Outcome.FAILED, "A-1", upload_exchange()), requirements=("A-1", "B-2"))
    page = conformance_page(run_of([one]))
    assert page.count('<ol class="ladder') == 1
    assert 'is shown under <a href="#case-1">finding 1</a>' in page


def test_a_case_is_shown_under_a_selected_requirement() -> None:
    one = dataclasses.replace(case(1, Outcome.FAILED, "A-1", upload_exchange()), requirements=("A-1", "B-2"))
    result = run_of([one])
    unasked = dataclasses.replace(result.requirements[0], selected=False)
    page = conformance_page(dataclasses.replace(result, requirements=(unasked, result.requirements[1])))
    assert "Not selected: A-1" in page
    assert page.count('<ol class="ladder') == 1
    assert page.index('id="finding-1"') < page.index('<ol class="ladder')
    assert 'is shown under <a href="#case-1">finding 1</a>' in page


def test_servers_side_by_side_show_their_differences() -> None:
    good = run_of(
        [case(n, Outcome.PASSED, name) for n, name in enumerate(("A-1", "B-2"))], status=ExitStatus.CONFORMANT
    )
    bad = run_of([case(0, Outcome.PASSED, "A-1"), case(1, Outcome.FAILED, "B-2", upload_exchange())])
    page = servers_page({"good": good, "bad": bad})
    assert "1 requirement differs" in page
    assert page.count('data-agreement="differs"') == 1
    assert 'data-agreement="differs" data-verdict="PASS|FAIL"' in page
    assert page.count('<ol class="ladder') == 1
    cells = re.findall(r'<td data-letter="(.)" class="(\w+)">.*?<span class="vh">(\w+)</span>', page)
    assert cells == [("A", "pass", "passed"), ("B", "pass", "passed"), ("A", "pass", "passed"), ("B", "fail", "failed")]
    [anchor] = re.findall('<td data-letter="B" class="fail"><a href="#([^"]+)">', page)
    assert f'<details class="case" id="{anchor}"' in page
    unasked = dataclasses.replace(bad.requirements[1], selected=False, verdict=Verdict.NOT_RUN)
    asked = dataclasses.replace(bad, requirements=(bad.requirements[0], unasked))
    assert "0 requirements differ" in servers_page({"good": good, "part": asked})
    with pytest.raises(ValueError, match=f"room for {MOST}"):
        servers_page({str(n): good for n in range(MOST + 1)})


def test_short_names_results_are_short_and_all_different() -> None:
    assert short_names([Path("a/result.json"), Path("b/result.json"), Path("c/old.json")]) == ["a", "b", "old"]
    assert short_names([Path("x/a/result.json"), Path("y/a/result.json")]) == ["x/a/result.json", "y/a/result.json"]


@pytest.mark.parametrize(
    ("result", "words", "colour"),
    [
        (run_of([], status=ExitStatus.CONFORMANT), "conformant", "#1a7f37"),
        (run_of([]), "not conformant", "#b3201b"),
        (RunResult({}, ExitStatus.INTERRUPTED, "", (), ()), "interrupted", "#59636e"),
    ],
)
def test_the_badge_is_a_picture_with_a_title(result: RunResult, words: str, colour: str) -> None:
    root = ElementTree.fromstring(badge_svg(result))
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == f"hanami: {words}"
    assert colour in badge_svg(result)


def test_a_badge_of_hostile_text_is_well_formed() -> None:
    root = ElementTree.fromstring(render_badge("hanami", "<a href='x'>&\x00\ud800" * 20, GREY))
    assert "<a href='x'>&\\x00" in "".join(root.itertext())


def test_the_badge_says_that_failures_are_known() -> None:
    known = dataclasses.replace(case(1, Outcome.KNOWN, "A-1"), violated=("A-1",))
    text = badge_svg(run_of([known], status=ExitStatus.CONFORMANT))
    assert "hanami: no new failures, 1 known" in "".join(ElementTree.fromstring(text).itertext())
    assert YELLOW in text
    assert "hanami: conformant" in badge_svg(run_of([case(1, Outcome.PASSED, "A-1")], status=ExitStatus.CONFORMANT))


def test_the_page_of_a_run_without_anything_is_drawn() -> None:
    page = conformance_page(RunResult({}, ExitStatus.TARGET_LOST, "no connection", (), ()))
    assert "Target not reachable" in page
    assert "no connection" in page


def test_json_that_nests_too_deep_is_shown_unchanged() -> None:
    deep = b"[" * 50_000
    view = ladder([event(0, "rest-1", "received", "http", "200 [", deep)], CODEC, FULL)
    payload = view.rows[0].payload
    assert payload.text.startswith("[[[[")
    assert payload.digest == hashlib.sha256(deep).hexdigest()
    assert json.dumps(payload.text)


def test_a_command_is_on_the_page_as_a_shell_takes_it() -> None:
    result = recorded_result()
    text = conformance_page(result)
    codes = Codes()
    codes.feed(text)
    commands = [one for case in result.cases for _, one in ClientCommands(case.exchange, result.manifest).all()]
    assert {command.tool for command in commands} == {"curl"}
    assert {command.line for command in commands} <= set(codes.texts)
    assert text.count('<details class="shell">') == len(commands)
    assert "set HANAMI_TOKEN: token of the first user." in text
