"""A capacity search on the terminal and as a page."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import xmlschema
from rich.console import Console

from hanami_reports.cli.main import main
from hanami_reports.load.peak.page import peak_page
from hanami_reports.load.peak.report_folder import PeakFolder
from hanami_reports.load.peak.summaries import peak_badge, peak_junit, peak_markdown
from hanami_reports.load.peak.terminal import point_line, print_peak
from hanami_reports.model.load import RunState
from hanami_reports.model.peak import LoadUnit, PeakResult, read_peak_result
from support.paths import ROOT
from support.peak_results import closed_peak, failed_search, found_peak, lower_bound, point

JUNIT_SCHEMA = xmlschema.XMLSchema10(ROOT / "tests" / "support" / "junit-10.xsd")


def printed(result: PeakResult, folder: Path) -> str:
    console = Console(file=io.StringIO(), width=140, color_system=None)
    print_peak(result, folder, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_terminal_gives_the_number_with_its_interval(tmp_path: Path) -> None:
    text = printed(found_peak(), tmp_path)
    assert "PASS  peak: 812/s (95 % interval 790/s to 835/s)" in text
    assert "knee: 400/s" in text
    assert "broke first: direct request: response p99 <= 50 ms: 61 ms is above 50 ms (1 of 1 failing points" in text
    loads = [
        int(row[1].removesuffix("/s").replace(",", ""))
        for row in re.findall(r"^ +(\d+) +([\d,]+/s)", text, re.MULTILINE)
    ]
    assert loads == [400, 800, 900, 1600]


def test_a_lower_bound_is_said_as_such(tmp_path: Path) -> None:
    text = printed(lower_bound(), tmp_path)
    assert "INVALID  peak: at least 800/s" in text
    assert "this machine cannot offer more" in text


def test_a_fit_is_given_with_its_error(tmp_path: Path) -> None:
    text = printed(closed_peak(), tmp_path)
    assert "contention 5 %, coherency 0.1 %; greatest throughput at 31 users; error of the fit 2 %" in text
    assert "peak: 21 users (95 % interval 20 users to 22 users)" in text


def test_a_point_has_a_line() -> None:
    line = point_line(point(4, 900, RunState.FAIL), LoadUnit.MESSAGES)
    assert "900/s" in line
    assert "61 ms is above 50 ms" in line


@pytest.mark.parametrize("made", [found_peak, lower_bound, closed_peak, failed_search])
def test_the_page_has_every_point_and_a_chart_of_each_kind(made: Callable[[], PeakResult]) -> None:
    result = made()
    page = peak_page(result)
    data = json.loads(re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page)[0])
    assert set(data) == ({"peak-times", "peak-rate"} if result.points else set())
    for chart in data.values():
        for series in chart["option"]["series"]:
            assert [load for load, _ in series["data"]] == sorted(one.load for one in result.points)
    assert result.headline in page
    assert "<b>cpu</b>" not in page  # escaped


def test_the_band_of_the_chart_is_the_interval() -> None:
    page = peak_page(found_peak())
    data = json.loads(re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page)[0])
    area = data["peak-times"]["option"]["series"][0]["markArea"]["data"]
    assert area == [[{"xAxis": 790}, {"xAxis": 835}]]


def test_the_folder_holds_the_result_and_the_page(tmp_path: Path) -> None:
    folder = PeakFolder(tmp_path / "peak")
    folder.prepare()
    folder.write(found_peak())
    assert read_peak_result(tmp_path / "peak") == found_peak()
    assert (tmp_path / "peak" / "peak.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("made", [found_peak, lower_bound, closed_peak, failed_search])
def test_the_files_for_ci_say_the_same(made: Callable[[], PeakResult]) -> None:
    result = made()
    junit = peak_junit(result)
    assert JUNIT_SCHEMA.is_valid(junit)
    expected = {RunState.PASS: 0, RunState.FAIL: 1, RunState.INVALID: 0}[result.state]
    assert junit.count("<failure") == expected
    assert junit.count("<error") == (result.state is RunState.INVALID)
    markdown = peak_markdown(result)
    assert f"{result.state.value}, {result.headline}" in markdown
    assert markdown.count("/s |") + markdown.count("users |") >= len(result.points)
    assert "hanami peak" in peak_badge(result)


def test_a_result_is_rendered_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PeakFolder(tmp_path).write(found_peak())
    page = tmp_path / "peak.html"
    page.unlink()
    assert main(["render", str(tmp_path)]) == 0
    assert page.exists()
    assert main(["render", str(tmp_path / "peak.json"), "--out", str(tmp_path / "again")]) == 0
    assert read_peak_result(tmp_path / "again") == found_peak()
    assert capsys.readouterr().out == f"{page}\n{tmp_path / 'again' / 'peak.html'}\n"
    again = [str(tmp_path / "peak.json"), "--out", str(tmp_path / "again")]
    assert main(["render", *again]) == 0, "the same result may be rendered once more"
    capsys.readouterr()
    (tmp_path / "again" / "load.json").write_text("{}", encoding="utf-8")
    assert main(["render", str(tmp_path / "peak.json"), "--out", str(tmp_path / "again")]) == 4
    assert "holds the result of another run" in capsys.readouterr().err
