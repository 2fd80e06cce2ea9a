"""Faults in the reports of a load run: rows, notes, and bands in the charts."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console

from hanami_reports.load.bands import bands_for
from hanami_reports.load.faults import FAULT_COLUMNS, fault_rows
from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.page import load_page
from hanami_reports.load.terminal import print_result
from support.load_results import faulted_run, made_up


def cells(place: int) -> dict[str, str]:
    return dict(zip(FAULT_COLUMNS, fault_rows(faulted_run())[place].cells, strict=True))


def test_each_fault_has_its_times_and_counts() -> None:
    row = cells(0)
    assert (row["kind"], row["from"], row["to"]) == ("latency", "5 s", "7 s")
    assert (row["recovery"], row["allowed"], row["rate before"], row["p95 before"]) == (
        "1.5 s",
        "10 s",
        "400/s",
        "5 ms",
    )
    assert (row["valid"], row["failed"], row["unanswered"], row["incorrect"]) == ("12", "5", "3", "0")
    assert cells(2)["recovery"] == "not recovered"
    assert [one.has_recovered for one in fault_rows(faulted_run())] == [True, False, False]
    assert [one.note for one in fault_rows(faulted_run())] == [
        "",
        "2 of 2 clusters lost, 0 of 3 datasets lost",
        "0 valid answers per second, 400 before",
    ]


def charts(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_charts_over_time_have_bands_of_stages_faults_and_recoveries() -> None:
    result = faulted_run()
    bands = [(one.kind, one.name, one.begin, one.end) for one in bands_for(result)]
    assert bands == [
        ("stage", "calm", 0.0, 10.0),
        ("stage", "busy", 10.0, result.duration),
        ("recovery", "", 7.0, 8.5),
        ("recovery", "", 22.0, 28.0),
        ("recovery", "", 40.0, result.duration),
        ("fault", "far away", 5.0, 7.0),
        ("fault", "power cut", 20.0, 22.0),
        ("fault", "the end", 40.0, 40.0),
    ]
    page = load_page(result)
    assert '<h2 id="faults">Faults</h2>' in page
    assert "Red: a fault; paler: the recovery from it" in page
    drawn = charts(page)
    for name in ("all-p50", "all-rate", "type-0-time"):
        last = drawn[name]["option"]["series"][-1]
        assert [(one["name"], one["xAxis"], other["xAxis"]) for one, other in last["markArea"]["data"]] == [
            (name, begin, end) for _, name, begin, end in bands
        ]
        assert last["name"] not in drawn[name]["option"]["legend"]["data"]
    calm = load_page(made_up())
    assert all("markArea" not in one for one in charts(calm)["all-p50"]["option"]["series"])
    assert '<h2 id="faults">' not in calm


def test_terminal_and_summary_say_what_belongs_to_faults(tmp_path: Path) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    print_result(faulted_run(), tmp_path, console)
    text = console.export_text()
    assert re.search(r"power cut +kill +20 s +22 s +6 s +2 s", text)
    assert "fault power cut: 2 of 2 clusters lost, 0 of 3 datasets lost" in text
    assert "5 x upload chunk: lost connection (in faults): connection reset" in text
    summary = load_markdown(faulted_run())
    assert "### Faults" in summary
    assert "not recovered" in summary
