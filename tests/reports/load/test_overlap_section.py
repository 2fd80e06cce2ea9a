"""Shared objects in the reports of a load run."""

from __future__ import annotations

from dataclasses import replace

from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.overlap_section import MOST_PRINTED, overlap_lines
from hanami_reports.load.page import load_page
from hanami_reports.model.load import parse_load_result
from hanami_reports.model.overlap import OverlapCounts, OverlapViolation
from support.load_results import made_up

MARKUP = "<b>markup</b>"
VIOLATION = OverlapViolation("FIN-5", (f"0.0 to 5.0 ms client 2: the PUT: {MARKUP}",), ("1.0 ms on client 1: block 0",))
COUNTS = OverlapCounts(
    explained=7, unexplained=5, undecided=1, operations=1200, overlapping=3400, violations=(VIOLATION,) * 5
)


def test_the_lines_say_what_is_explained_and_what_is_undecided() -> None:
    head, *lines = overlap_lines(replace(made_up(), overlap=COUNTS))
    assert head == (
        "shared objects: an order explains the answers of 7 of 13; undecided, with too many orders to try: 1 "
        "(1,200 operations, 3,400 pairs of which overlapped)"
    )
    assert lines[:4] == [
        "  FIN-5: no order explains",
        f"    0.0 to 5.0 ms client 2: the PUT: {MARKUP}",
        "  whatever was answered before to",
        "    1.0 ms on client 1: block 0",
    ]
    assert lines.count("  FIN-5: no order explains") == MOST_PRINTED
    assert lines[-1] == "  and 2 more"


def test_a_run_without_shared_objects_says_nothing_of_them() -> None:
    assert list(overlap_lines(made_up())) == []
    assert 'id="overlap"' not in load_page(made_up())


def test_page_markdown_and_file_hold_the_operations_and_no_markup_of_others() -> None:
    result = replace(made_up(), overlap=COUNTS)
    assert parse_load_result(result.to_json()) == result
    page = load_page(result)
    assert page.count("FIN-5: no order explains") == len(COUNTS.violations)
    for text in (page, load_markdown(result)):
        assert "1.0 ms on client 1: block 0" in text.replace("&#46;", ".").replace("&#58;", ":")
        assert MARKUP not in text
