"""A result as Markdown: its contents, its limited length, and the escaping of foreign text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from hanami_reports.common.markdown import LIMIT, code, escape, link
from hanami_reports.conformance.compare import compare
from hanami_reports.conformance.markdown import nothing_markdown, result_markdown
from hanami_reports.model.conformance import (
    CaseResult,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from hanami_reports.model.known_failures import Entry, EntryResult, KnownFailuresReport, Problem

OURS = {"h2", "h3", "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "br", "details", "summary", "a"}
HOSTILE = [
    "a | b || c \\| d",
    "line\nline\r\n| new | row |\n\n# heading\n```\nfence",
    "<script>alert(1)</script><img src=x onerror=alert(1)></code></td></table></details>",
    "`code` ``more`` ```` ` ```",
    "[click](javascript:alert(1)) ![image](https://evil.example/x.png) <https://evil.example>",
    "www.evil.example https://evil.example @everyone #1 :tada: a@evil.example &amp; &#124; &lt;b&gt;",
    "**bold** __bold__ ~~gone~~ $x$ \\",
    "\x00\x1b[31m\ud800\u202egnp.exe\u2028\u200b",
]


class Tags(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [str(value) for name, value in attrs if name in {"href", "src"}]
        assert not {name for name, _ in attrs} - {"href"}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def rendered(markdown: str) -> Tags:
    page = Tags()
    page.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
    page.close()
    return page


def failing(said: str, verdict: Verdict = Verdict.FAIL, number: int = 1) -> RunResult:
    cases = tuple(
        CaseResult(
            id=f"test_x.py::test_{index}[{said}]",
            title=said,
            requirements=("PROG-2",),
            outcome=Outcome.FAILED,
            violated=("PROG-2",),
            reason=f"expected {said}; actual {said}",
            expected=said,
            actual=said,
            observations={said: said},
            checks=1,
        )
        for index in range(number)
    )
    requirements = tuple(
        RequirementResult(f"PROG-{index + 2}", Level.MUST, "Upload", "step 4", said, verdict, said)
        for index in range(number)
    )
    manifest = {"target": {"url": said, "user": said}, "dialect": said, "duration": 1.5, "options": {"profile": said}}
    known = KnownFailuresReport(
        said,
        said,
        (EntryResult(Entry("PROG-2", message=said, reason=said, link=said), (said,), Problem.EXPIRED, said),),
    )
    return RunResult(manifest, ExitStatus.NOT_CONFORMANT, said, requirements, cases, (said,), known)


def passing() -> RunResult:
    result = failing("fine", Verdict.PASS)
    cases = tuple(replace(case, outcome=Outcome.PASSED, violated=(), expected="", reason="") for case in result.cases)
    return replace(result, exit_status=ExitStatus.CONFORMANT, reason="", cases=cases, leftovers=(), known=None)


def test_passed_requirements_are_summarised() -> None:
    text = result_markdown(passing())
    assert text.startswith("## \N{WHITE HEAVY CHECK MARK} Hanami conformance: CONFORMANT\n")
    assert "**1 requirement**: 1 PASS\n" in text
    assert "**1 case**: 1 passed; 0 exchanges in 1.5 s" in text
    assert "PROG" not in text


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict not in {Verdict.PASS, Verdict.OBSERVED}])
def test_every_requirement_that_does_not_pass_has_its_reason(verdict: Verdict) -> None:
    page = "".join(rendered(result_markdown(failing("it went wrong", verdict))).texts)
    assert "PROG-2" in page
    assert verdict.value in page
    assert "it went wrong" in page
    assert "hanami-conformance run --target 'it went wrong'" in page


@pytest.mark.parametrize("said", HOSTILE)
def test_a_hostile_server_writes_no_markdown(said: str) -> None:
    result = failing(said)
    harmless = failing("harmless")
    links = {"run": "https://example.org/run/1"}
    texts = [
        result_markdown(one, links=links, red=word, comparison=compare(passing(), one, (word, word)))
        for one, word in ((result, said), (harmless, "harmless"))
    ]
    hostile, plain = rendered(texts[0]), rendered(texts[1])
    assert set(hostile.tags) <= OURS
    assert hostile.tags == plain.tags  # the same page, but for the words
    assert hostile.targets == plain.targets == ["https://example.org/run/1"]
    escaped = code(said)
    assert "\n" not in escaped
    assert "".join(rendered(escaped).texts).strip() == "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in said
    )
    texts[0].encode()


def test_text_that_hosting_services_interpret_is_escaped() -> None:
    for said in (
        "@someone",
        "www.example.org",
        "https://example.org",
        "owner/name#1",
        ":tada:",
        "`",
        "|",
        "<",
        "a_b_c",
    ):
        assert not set(escape(said)) & set("@.:`|<_")
    assert rendered(nothing_markdown("USAGE", "<b>|\n# `x`")).tags == ["h2", "p", "code"]


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "https://a/ b", "https://a/>", "https://a/|x", "https://a/\n", "ftp://a/", "https://a/(x)"],
)
def test_only_addresses_of_the_web_are_links(address: str) -> None:
    assert not rendered(link("more", address)).targets
    assert rendered(link("more", "https://example.org/a?b=c&d#e")).targets == ["https://example.org/a?b=c&d#e"]


@pytest.mark.parametrize("said", ["|" * 5000, "<" * 299, "\x00" * 300, "word " * 100])
def test_it_is_never_too_long(said: str) -> None:
    result = failing(said, number=200)
    known = KnownFailuresReport(said, "", tuple(EntryResult(Entry("PROG-2", reason=said), (said,)) for _ in range(200)))
    result = replace(result, known=known, leftovers=(said,) * 200)
    for limit in (LIMIT, 5000):
        text = result_markdown(result, comparison=compare(passing(), result, ("a", "b")), limit=limit)
        assert len(text) <= limit
        assert text.startswith("## \N{CROSS MARK} Hanami conformance: NOT CONFORMANT\n")
    assert "more, all in the result" in result_markdown(result)
    page = rendered(result_markdown(result))
    assert page.tags.count("details") == page.tags.count("summary")
    assert result_markdown(result).count("<details>") == result_markdown(result).count("</details>")


@pytest.mark.parametrize("headline", list(range(7)))
def test_every_exit_status_has_a_headline(headline: int) -> None:
    result = replace(passing(), exit_status=headline)
    assert f"Hanami conformance: {result.headline}" in result_markdown(result)


def test_known_failures_are_listed_with_links_and_entries_to_fix() -> None:
    entries: Sequence[EntryResult] = (
        EntryResult(Entry("PROG-2", reason="segments", link="https://example.org/17"), ("a", "b")),
        EntryResult(Entry("DATA-1", reason="old"), (), Problem.STALE, "no longer holds"),
        EntryResult(Entry("GEN-1", reason="not seen")),
    )
    result = replace(passing(), known=KnownFailuresReport("known.toml", "", tuple(entries)))
    page = rendered(result_markdown(result))
    text = " ".join(page.texts)
    assert "1 entry to fix" in text
    assert text.index("no longer holds") < text.index("segments")
    assert "not seen" not in text
    assert page.targets == ["https://example.org/17"]


def test_a_comparison_names_regressions() -> None:
    worse = result_markdown(failing("bad"), comparison=compare(passing(), failing("bad"), ("old.json", "new.json")))
    assert "Compared with the baseline: **" in worse
    assert "**worse**" in worse
    assert "The verdict changed from CONFORMANT to NOT CONFORMANT." in worse
    same = result_markdown(passing(), comparison=compare(passing(), passing(), ("old.json", "new.json")))
    assert "Compared with the baseline: no regressions" in same
