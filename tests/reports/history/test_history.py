"""``hanami-reports history`` over folders of results, to its exit status, its page and its JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanami_reports.cli.main import main
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult
from hanami_reports.model.load import EXIT_STATUSES, LoadResult, RunState
from support.load_results import Kind, Plan, made_up

KINDS = {"upload chunk": Kind(120, 2600, 0.4, up=1000), "rest list": Kind(60, 900, 0.3)}


def conformance(
    day: int, *bad: str, status: int | None = None, url: str = "http://127.0.0.1:1", **other: Any
) -> RunResult:
    """A run of three cases on a day, of which some fail."""
    names = ("a", "b", "c")
    outcomes = {name: Outcome.FAILED if name in bad else Outcome.PASSED for name in names}
    cases = tuple(
        CaseResult(
            id=f"test_{name}.py::test_it",
            title="It works.",
            requirements=("ATT-1",),
            outcome=outcomes[name],
            violated=("ATT-1",) if name in bad else (),
            reason=f"{name} broke on day {day}" if name in bad else "",
        )
        for name in names
    )
    manifest = {
        "suite": "1.0",
        "started": f"2026-11-{day:02d}T10:00:00+00:00",
        "duration": 1.0,
        "dialect": "documented",
    }
    manifest |= {"target": {"url": url}, "options": {"profile": "gate", "seed": 0}} | other
    return RunResult(manifest, (1 if bad else 0) if status is None else status, "", (), cases)


def load(day: int, slowdown: float = 1.0, state: RunState = RunState.PASS) -> LoadResult:
    made = made_up(Plan(seconds=12, kinds=KINDS, seed=day, wobble=0.02, slowdown=slowdown))
    manifest = {**made.manifest, "started": f"2026-11-{day:02d}T12:00:00+00:00"}
    reasons = () if state is RunState.PASS else ("a reason",)
    return replace(made, manifest=manifest, state=state, exit_status=EXIT_STATUSES[state], reasons=reasons)


def store(folder: Path, *results: RunResult | LoadResult) -> None:
    """Store results as CI does, each in a folder of its own, in no order of names."""
    for result in results:
        name = "result.json" if isinstance(result, RunResult) else "load.json"
        day = result.manifest["started"][8:13]
        place = folder / f"{int(day[:2]) * 7 % 31}-{day}"
        place.mkdir(parents=True)
        (place / name).write_text(result.to_json(), encoding="utf-8")


def history(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    status = main(["history", str(folder), "--out", str(folder.parent / "out"), *options])
    return status, json.loads((folder.parent / "out" / "history.json").read_text(encoding="utf-8"))


def test_a_case_that_broke_is_named_with_its_first_bad_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path / "runs", *(conformance(day, *(["b"] if day >= 5 else [])) for day in range(1, 8)))
    status, data = history(tmp_path / "runs")
    assert (status, data["verdict"], data["exit_status"]) == (1, "WORSE", 1)
    (found,) = data["worse"]
    assert found["what"] == "test_b.py::test_it"
    assert found["how"] == "ATT-1: b broke on day 7"
    assert "05T10" in found["first_bad"]
    assert "04T10" in found["last_good"]
    (group,) = data["conformance"]
    assert group["title"] == "127.0.0.1, documented, gate"
    assert group["cases"]["test_b.py::test_it"]["good"] == [True] * 4 + [False] * 3
    text = capsys.readouterr().out
    assert re.search(r"test_b\.py::test_it +\++--- +1 of 6 \(16\.7 %\) +failing", text)
    assert f"first bad run {found['first_bad']}, last good {found['last_good']}" in text


def test_a_flaky_case_is_no_regression_and_its_rate_is_named(tmp_path: Path) -> None:
    store(tmp_path / "runs", *(conformance(day, *(["c"] if day in (3, 6) else [])) for day in range(1, 7)))
    status, data = history(tmp_path / "runs")
    # The newest run failed by its flaky case alone.
    assert (status, data["verdict"]) == (0, "STEADY")
    case = data["conformance"][0]["cases"]["test_c.py::test_it"]
    assert (case["flaky"], case["flake_rate"]) == (True, 0.6)


def test_a_run_that_lost_its_target_is_a_change_of_the_verdict(tmp_path: Path) -> None:
    store(tmp_path / "runs", conformance(1), conformance(2), conformance(3, status=6))
    status, data = history(tmp_path / "runs")
    assert (status, data["worse"][0]["what"]) == (1, "the verdict of the run")


def test_a_change_of_the_suite_is_named_beside_what_broke(tmp_path: Path) -> None:
    store(tmp_path / "runs", conformance(1), conformance(2), conformance(3, "a", suite="1.1"))
    status, data = history(tmp_path / "runs")
    assert (status, data["worse"][0]["note"]) == (1, "suite 1.0 before, 1.1 then")


def test_the_port_of_this_machine_does_not_matter_but_servers_are_kept_apart(tmp_path: Path) -> None:
    local = [conformance(day, url=f"http://127.0.0.1:{day + 20000}") for day in (1, 2)]
    store(
        tmp_path / "runs",
        *local,
        conformance(3, "a", url="http://one.example"),
        conformance(4, url="http://two.example"),
    )
    status, data = history(tmp_path / "runs")
    assert status == 0
    assert sorted((one["title"].split(",")[0], len(one["runs"])) for one in data["conformance"]) == [
        ("127.0.0.1", 2),
        ("http://one.example", 1),
        ("http://two.example", 1),
    ]


def test_a_slowdown_is_a_change_point_of_its_series(tmp_path: Path) -> None:
    runs = [load(day, 1.0 if day < 9 else 1.3, RunState.INVALID if day == 4 else RunState.PASS) for day in range(1, 15)]
    store(tmp_path / "runs", *runs)
    status, data = history(tmp_path / "runs")
    assert status == 1
    (group,) = data["load"]
    series = {(one["type"], one["metric"]): one for one in group["series"]}
    p50 = series["upload chunk", "response p50"]
    (change,) = p50["changes"]
    assert change["at"] == 8  # among all runs, from 0: the one of the ninth day
    assert change["after"] / change["before"] == pytest.approx(1.3, rel=0.05)
    assert p50["values"][3] is None
    assert series["upload chunk", "valid/s"]["changes"] == []
    assert "09T12" in data["worse"][0]["first_bad"]
    # Within the tolerance it is a change, and no worsening; of the newest six runs nothing is known.
    assert history(tmp_path / "runs", "--tolerance", "50%")[0] == 0
    assert history(tmp_path / "runs", "--last", "6")[0] == 0


def test_an_improvement_is_no_worsening(tmp_path: Path) -> None:
    store(tmp_path / "runs", *(load(day, 1.0 if day < 7 else 0.7) for day in range(1, 14)))
    status, data = history(tmp_path / "runs")
    assert (status, data["worse"]) == (0, [])
    assert any(one["changes"] for one in data["load"][0]["series"])


def test_a_load_run_that_fails_after_good_ones_is_worse_at_once(tmp_path: Path) -> None:
    store(tmp_path / "runs", load(1), load(2), load(3, state=RunState.FAIL))
    status, data = history(tmp_path / "runs")
    assert (status, data["worse"][0]["how"]) == (1, "FAIL a reason")


def test_copies_and_damaged_files_are_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs"
    store(folder, conformance(1), conformance(2))
    (folder / "copy.json").write_text(conformance(1).to_json(), encoding="utf-8")
    (folder / "damaged.json").write_text('{"format": "hanami-load-result", "format_version": 1', encoding="utf-8")
    (folder / "other.json").write_text('{"name": "somebody else\'s"}', encoding="utf-8")
    status, data = history(folder)
    assert (status, len(data["conformance"][0]["runs"]), len(data["notes"])) == (0, 2, 2)
    text = capsys.readouterr().out
    assert "damaged.json: not a result of a load run" in text
    assert "is a copy of another result" in text


def test_one_run_is_too_few_and_no_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path / "runs", conformance(1))
    assert history(tmp_path / "runs")[0] == 5
    (tmp_path / "empty").mkdir()
    for folder, text in (("empty", "no result of a run in"), ("nowhere", "nowhere is no folder")):
        assert main(["history", str(tmp_path / folder)]) == 4
        assert text in capsys.readouterr().err


def test_json_is_printed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path / "runs", conformance(1), conformance(2))
    _, data = history(tmp_path / "runs", "--json")
    assert json.loads(capsys.readouterr().out) == data
    assert (data["format"], data["format_version"]) == ("hanami-history", 1)


def test_the_page_loads_nothing_and_holds_no_markup_of_others(tmp_path: Path) -> None:
    script = "<script>window.hacked = 1</script>"
    store(
        tmp_path / "runs",
        conformance(1, dialect=script),
        conformance(2, "a", dialect=script),
        *(load(day, 1.0 if day < 7 else 1.4) for day in range(1, 14)),
    )
    history(tmp_path / "runs")
    page = (tmp_path / "out" / "history.html").read_text(encoding="utf-8")
    assert script not in page
    assert "window.hacked" in page
    # p50, valid/s of both types; p99 of the one with 1,000 answers, MB/s of the one with payload.
    assert page.count('class="chart"') == 6
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<(?:link|img|iframe|object|embed)\b|\b(?:src|srcset|action)=|url\(|@import", markup)
