"""Totals, overload in words, and folded types of a load run, as every report shows them."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.page import load_page
from hanami_reports.load.tables import folded_types, message_counts, overload_lines, total_counts
from hanami_reports.load.terminal import print_result
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.load import LimitResult, LoadResult, RunState
from hanami_reports.model.series import Series
from support.load_results import made_up


def series(*milliseconds: float, unsent: int = 0, bytes_up: int = 0) -> Series:
    times = Histogram()
    for one in milliseconds:
        times.record(int(one * 1000))
    count = len(milliseconds)
    return Series(sent=count, succeeded=count, unsent=unsent, bytes_up=bytes_up, response=times, service=times)


def run(**found: Series) -> LoadResult:
    named = {name.replace("_", " "): one for name, one in found.items()}
    made = made_up()
    return replace(made, series=named, limits=(), manifest={**made.manifest, "duration": 10.0})


def terminal(result: LoadResult) -> str:
    output = io.StringIO()
    print_result(result, Path("reports"), Console(file=output, width=140, highlight=False))
    return output.getvalue()


def test_the_total_counts_each_message_once_and_no_file() -> None:
    chunks, calls = series(*[10.0] * 900, bytes_up=9_000_000), series(*[100.0] * 100, unsent=25)
    result = run(upload_chunk=chunks, rest_list=calls, upload_file=series(*[3000.0] * 9, bytes_up=9_000_000))
    total = total_counts(result)
    assert (total.name, total.sent, total.valid, total.rate, total.up) == (
        "all messages",
        "1,000",
        "1,000",
        "100",
        "0.9",
    )
    assert dict(total.bad)["unsent"] == 25
    texts = [cell.text for cell in total.response]
    # p50, p90 are chunks; p95, p99, p99.9 and the maximum are calls.
    assert texts == ["10 ms", "10 ms", "100 ms", "100 ms", "100 ms", "100 ms"]
    row = next(line for line in terminal(result).splitlines() if line.strip().startswith("all messages"))
    assert " ".join(row.split()) == "all messages 1000 1000 0 25 100.0 0.90 10 ms 10 ms 100 ms 100 ms 100 ms"
    assert "| <code>all messages</code> | 1,000 | 1,000 |" in load_markdown(result)
    foot = load_page(result).split("<tfoot>")[1].split("</tfoot>")[0]
    assert re.findall(r">([\d,.]+)<", foot)[:2] == ["1,000", "1,000"]


def test_overload_is_said_in_words_the_worst_first() -> None:
    slow = series(*[10.0] * 16_940, unsent=3_060)
    slow.late = 60  # answered after the end
    result = run(direct_request=slow, rest_list=series(*[1.0] * 999, unsent=1), upload_chunk=series(*[1.0] * 50))
    words = [
        "direct request: 2,000/s scheduled, 1,688/s achieved, 15.3 % never sent",
        "rest list: 100/s scheduled, 99.9/s achieved, 0.1 % never sent",
    ]
    assert overload_lines(result) == words
    assert words[0] in terminal(result)
    assert words[0] in load_page(result)
    assert words[0] in html.unescape(load_markdown(result))
    assert overload_lines(run(direct_request=series(1.0))) == []


def test_types_with_few_answers_are_folded_unless_they_have_a_problem() -> None:
    names = ("rest_init", "rest_get", "rest_broken", "rest_failing", "upload_file")
    few = {name: series(*[5.0] * 19) for name in names}
    few["rest_failing"].failed = 1
    limit = LimitResult("response", "rest broken", "max", "<= 1 ms", 0.005, "5 ms", 19, 1, RunState.FAIL, "above 1 ms")
    result = replace(run(upload_chunk=series(*[5.0] * 20), **few), limits=(limit,))
    assert folded_types(result) == {"rest init", "rest get"}
    assert [row.name for row in message_counts(result) if row.folded] == ["rest init", "rest get"]
    text = terminal(result)
    assert "too few answers for a median, no errors: rest init 19, rest get 19" in text
    assert not re.search(r"^ *rest (init|get) +19", text, re.MULTILINE)
    assert re.search(r"^ *rest failing +19", text, re.MULTILINE)
    page = load_page(result)
    assert "2 types with too few answers for a median, and no errors" in page
    assert page.count('<details class="type" id="type-') == len(result.series)  # all of them have their charts
    assert "Too few answers for a median, no errors: <code>rest init</code> 19" in load_markdown(result)


def test_where_all_types_are_few_none_is_folded() -> None:
    assert folded_types(run(rest_init=series(1.0), rest_get=series(1.0))) == set()


def test_coordinated_omission_is_explained_for_the_model_of_the_run() -> None:
    result = run(upload_chunk=series(1.0))
    closed = replace(result, configuration={**result.configuration, "model": "closed"})
    assert "This run was open: scheduled times never moved" in load_page(result)
    assert "This run was closed: each user waits for answers" in load_page(closed)
