"""Files that are made of a load run: page, JUnit, summary, badge; whatever its result and its names."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from hanami_reports.cli.main import main
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.load.badge import load_badge
from hanami_reports.load.chart_data import intervals_for, time_axis
from hanami_reports.load.junit import load_junit
from hanami_reports.load.markdown import load_markdown
from hanami_reports.load.page import load_page
from hanami_reports.load.report_folder import write_load_reports
from hanami_reports.model.load import LimitResult, LoadResult, RunState, parse_load_result
from support.load_results import (
    HOSTILE,
    Plan,
    failed_run,
    faulted_run,
    hostile_run,
    invalid_run,
    large_run,
    lost_run,
    made_up,
    second_run,
    silent_run,
)
from support.paths import ROOT

JUNIT_SCHEMA = xmlschema.XMLSchema10(ROOT / "tests" / "support" / "junit-10.xsd")
ECHARTS = ROOT / "reports" / "hanami_reports" / "vendor" / "echarts"
MEGABYTE = 1_000_000
RUNS: list[Callable[[], LoadResult]] = [failed_run, faulted_run, invalid_run, lost_run, second_run, silent_run]


@pytest.mark.parametrize("run", RUNS)
def test_every_run_can_be_drawn_and_loads_nothing(run: Callable[[], LoadResult]) -> None:
    result = run()
    page = load_page(parse_load_result(result.to_json()))
    assert page == load_page(result)
    assert f"<title>{result.state.value}: load run of " in page
    assert all(reason in page for reason in result.reasons)
    assert len(page.encode()) < 3 * MEGABYTE
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;; ")
    assert "unsafe" not in policy[1]
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<(?:link|img|iframe|object|embed)\b|\b(?:src|srcset|action)=|url\(|@import", markup)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', markup))


def test_an_hour_of_ten_types_is_a_page_of_no_more_than_two_megabytes() -> None:
    run = large_run()
    assert (len(run.series), len(run.users)) == (10, 3600)
    page = load_page(run)
    assert len(page.encode()) < 2 * MEGABYTE
    # And it would not be were every second drawn.
    assert len(run.to_json()) > 5 * MEGABYTE


def test_percentiles_of_too_few_answers_are_marked() -> None:
    page = load_page(second_run())
    row = re.search(r"<td class=\"text\">response</td>(.*?)</tr>", page, re.DOTALL)
    assert row
    marked = ["†" in cell for cell in re.findall(r"<td.*?</td>", row[1])]
    # Of 30 answers, p50 has 15 beyond it, p90 three.
    assert marked == [False, True, True, True, True, False]


def test_answers_after_the_end_are_in_no_rate() -> None:
    run = made_up(Plan(seconds=5))
    cut = replace(run, manifest={**run.manifest, "duration": 3.2})
    axis = time_axis(cut)
    assert axis is not None
    places = intervals_for(cut.series["direct IO request"], axis)
    rates = [one.per_second(one.total.succeeded) for one in places]
    assert [rate is None for rate in rates[:5]] == [False, False, False, True, True]
    assert sum(one.total.succeeded for one in places) == cut.series["direct IO request"].succeeded
    # A run that is shorter than its only interval has a rate all the same.
    short = time_axis(replace(second_run(), manifest={"duration": 0.7}))
    assert short is not None
    assert short.whole(0)


def test_a_wrong_answer_is_sent_again_by_a_line_that_can_be_copied() -> None:
    run = failed_run()
    named = replace(run, manifest={**run.manifest, "user": "it's me"})
    line = re.search(r"<pre><code>(.*?)</code></pre>", load_page(named))
    assert line
    command = shlex.split(html.unescape(line[1]))
    assert command[:3] == ["hanami-conformance", "replay", "exchanges/wrong-1.json"]
    assert command[3:] == ["--target", "http://backend.example:11418", "--user", "it's me"]


def test_broken_limits_are_first_and_an_invalid_run_has_its_reason() -> None:
    run = failed_run()
    turned = replace(run, limits=tuple(reversed(run.limits)))
    table = load_page(turned).split('id="limits"')[1].split("</table>")[0]
    assert re.findall(r'class="state \w+">(\w+)<', table) == ["FAIL", "FAIL", "PASS", "PASS", "PASS", "PASS"]
    why = load_page(invalid_run()).split('id="invalid"')[1].split("</section>")[0]
    assert "sends late and reads late" in why
    assert "It has 40 samples and needs 1,000" in why
    assert "worker 0: it did not report until the end" in why


@pytest.mark.parametrize("run", RUNS)
def test_junit_keeps_to_the_schema_and_is_never_green_where_the_run_is_not(run: Callable[[], LoadResult]) -> None:
    result = run()
    text = load_junit(result)
    JUNIT_SCHEMA.validate(text)
    root = ElementTree.fromstring(text)
    red = sum(int(root.get(kind, "0")) for kind in ("failures", "errors"))
    assert (red == 0) == (result.state is RunState.PASS)


def test_junit_distinguishes_broken_limits_from_undecided_ones() -> None:
    cases = [
        LimitResult("response", "chunk", "p99", "<= 5 ms", 0.009, "9 ms", 2000, 1000, RunState.FAIL, "above 5 ms"),
        LimitResult("response", "file", "p99", "<= 5 s", None, "", 12, 1000, RunState.INVALID, "too few samples"),
        LimitResult("incorrect", "*", "count", "<= 0", 0.0, "0", 2000, 1, RunState.PASS),
    ]
    root = ElementTree.fromstring(load_junit(replace(failed_run(), limits=tuple(cases))))
    kinds = {one.get("name"): [child.tag for child in one] for one in root.iter("testcase")}
    assert kinds == {
        "response p99 of chunk <= 5 ms": ["failure"],
        "response p99 of file <= 5 s": ["error"],
        "incorrect count of all <= 0": [],
    }


def test_the_summary_has_verdict_limits_messages_and_errors() -> None:
    text = load_markdown(failed_run())
    assert text.startswith("## \N{CROSS MARK} Hanami load: FAIL, a limit is exceeded\n")
    assert "| **FAIL** | <code>response p99</code> | <code>upload chunk</code>" in text
    assert "| <code>direct IO request</code> | 30,000 |" in text
    assert "<code>closed with 1011&#58; internal error</code>" in text
    assert len(load_markdown(failed_run(), limit=800)) <= 800


def test_the_badge_shows_the_state() -> None:
    assert "<title>hanami load: fail, 2 of 6 limits</title>" in load_badge(failed_run())
    assert "<title>hanami load: pass</title>" in load_badge(second_run())


def test_hostile_names_are_text_everywhere() -> None:
    result = hostile_run()
    page = load_page(result)
    assert page.count("<script") == 4  # the data, the theme, the library, ours
    assert "<script>window" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    data = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)
    assert data
    charts = json.loads(data[1])
    assert charts["all-curves"]["option"]["series"][0]["name"].startswith(HOSTILE)
    JUNIT_SCHEMA.validate(load_junit(result))
    ElementTree.fromstring(load_badge(result))
    assert "<script" not in load_markdown(result)
    assert "<img" not in load_markdown(result)


def test_a_result_is_drawn_again_in_place_or_elsewhere_but_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"load.json", "load.html", "junit.xml", "summary.md", "badge.svg"}
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, run in ((first, second_run()), (second, lost_run())):
        folder.mkdir()
        (folder / "load.json").write_text(run.to_json(), encoding="utf-8")
    assert main(["render", str(first)]) == 0
    assert capsys.readouterr().out == f"{first / 'load.html'}\n"
    assert {file.name for file in first.iterdir()} == names
    assert main(["render", str(first / "load.json"), "--out", str(tmp_path / "else")]) == 0
    assert {file.name for file in (tmp_path / "else").iterdir()} == names
    assert main(["render", str(second / "load.json"), "--out", str(first)]) == 4
    assert "holds the result of another run" in capsys.readouterr().err
    assert main(["render", str(first), str(second)]) == 4
    assert "hanami-reports compare" in capsys.readouterr().err


def test_a_broken_result_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "load.json").write_text('{"format": "hanami-load-result", "format_version": 99}', encoding="utf-8")
    assert main(["render", str(tmp_path)]) == 4
    assert capsys.readouterr().err.endswith("result of a load run of format version 99, this release reads 1\n")


def test_the_library_within_the_page_has_its_licence_and_the_documented_version() -> None:
    code = (ECHARTS / "echarts.min.js").read_text(encoding="utf-8")
    version = (ECHARTS / "VERSION").read_text(encoding="utf-8").strip()
    assert f'.version="{version}"' in code
    assert "Apache License" in (ECHARTS / "LICENSE").read_text(encoding="utf-8")
    assert (ECHARTS / "NOTICE").read_text(encoding="utf-8").startswith("Apache ECharts")


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "load.html").mkdir()
    with pytest.raises(OSError, match=r"load\.html"):
        write_load_reports(ReportFolder(tmp_path), lost_run())
