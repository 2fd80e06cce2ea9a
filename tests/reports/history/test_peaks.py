"""Capacity searches in ``hanami-reports history``, and the links of its documents to the pages of the runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanami_reports.cli.main import main
from hanami_reports.model.load import EXIT_STATUSES, RunState
from hanami_reports.model.peak import LoadUnit, PeakResult
from support.load_results import made_up
from support.peak_results import failed_search, found_peak


def search(day: int, capacity: float, **other: Any) -> PeakResult:
    """A search on a day, with an interval of 3 % to both sides."""
    result = found_peak()
    manifest = {**result.manifest, "started": f"2026-11-{day:02d}T10:00:00+00:00"}
    return replace(result, manifest=manifest, peak=capacity, low=capacity * 0.97, high=capacity * 1.03, **other)


def store(folder: Path, *results: PeakResult) -> None:
    for number, result in enumerate(results):
        place = folder / f"night {number + 1}"
        place.mkdir(parents=True)
        (place / "peak.json").write_text(result.to_json(), encoding="utf-8")


def history(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    status = main(["history", str(folder), "--out", str(folder.parent / "out"), *options])
    return status, json.loads((folder.parent / "out" / "history.json").read_text(encoding="utf-8"))


def test_a_capacity_that_fell_is_a_change_point_with_its_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [800, 806, 797, 802, 795, 640, 645, 636, 641, 643]
    store(tmp_path / "runs", *(search(day + 1, value) for day, value in enumerate(values)))
    status, data = history(tmp_path / "runs")
    (group,) = data["peaks"]
    assert group["title"] == "http://backend.example:11418, capacity in messages/s, direct-request"
    (series,) = group["series"]
    assert (series["metric"], series["values"]) == ("capacity", values)
    assert series["intervals"][0] == [pytest.approx(776), pytest.approx(824)]
    (change,) = series["changes"]
    assert change["at"] == 5
    assert change["before"] == pytest.approx(800, rel=0.001)
    assert change["after"] == pytest.approx(641, rel=0.001)
    assert status == 1
    (worse,) = data["worse"]
    assert worse["what"] == "capacity of messages/s"
    assert worse["how"].startswith("641/s, before 800/s")
    assert "night 6" in worse["first_bad"]
    assert "643/s (624/s to 662/s)" in capsys.readouterr().out


def test_a_capacity_that_rose_is_no_worsening(tmp_path: Path) -> None:
    values = [640, 645, 636, 641, 643, 800, 806, 797, 802, 795]
    store(tmp_path / "runs", *(search(day + 1, value) for day, value in enumerate(values)))
    status, data = history(tmp_path / "runs")
    assert (status, len(data["peaks"][0]["series"][0]["changes"])) == (0, 1)


def test_a_search_that_found_nothing_has_a_verdict_and_no_value(tmp_path: Path) -> None:
    failed = failed_search()
    failed = replace(failed, manifest={**failed.manifest, "started": "2026-11-03T10:00:00+00:00"})
    store(tmp_path / "runs", search(1, 800), search(2, 805), failed)
    status, data = history(tmp_path / "runs")
    assert (status, data["worse"][0]["what"]) == (1, "the verdict of the run")
    assert data["peaks"][0]["series"][0]["values"] == [800, 805, None]
    assert data["peaks"][0]["runs"][2]["verdict"] == "FAIL, not found"


def test_users_and_messages_are_kept_apart(tmp_path: Path) -> None:
    users = [search(day, 21, unit=LoadUnit.USERS) for day in (3, 4)]
    store(tmp_path / "runs", search(1, 800), search(2, 805), *users)
    status, data = history(tmp_path / "runs")
    assert (status, sorted(len(one["runs"]) for one in data["peaks"])) == (0, [2, 2])


def test_the_points_of_a_search_are_no_load_runs_of_their_own(tmp_path: Path) -> None:
    store(tmp_path / "runs", search(1, 800), search(2, 805))
    point = tmp_path / "runs" / "night 1" / "points" / "1"
    point.mkdir(parents=True)
    (point / "load.json").write_text(made_up().to_json(), encoding="utf-8")
    _, data = history(tmp_path / "runs")
    assert data["load"] == []
    (tmp_path / "runs" / "night 1" / "peak.json").unlink()
    _, data = history(tmp_path / "runs")
    assert len(data["load"]) == 1, "without the search they are load runs"


def test_the_documents_link_to_the_pages_that_there_are(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    failed = replace(search(3, 790), state=RunState.FAIL, exit_status=EXIT_STATUSES[RunState.FAIL], reasons=("low",))
    store(runs, search(1, 800), search(2, 805), failed)
    for number in (1, 3):
        (runs / f"night {number}" / "peak.html").write_text("<title>a page</title>", encoding="utf-8")
    (runs / "night 2" / "other.html").write_text("", encoding="utf-8")
    history(runs)
    links = {"../runs/night%201/peak.html", "../runs/night%203/peak.html"}
    page = (tmp_path / "out" / "history.html").read_text(encoding="utf-8")
    assert set(re.findall(r'<a href="(\.\./[^"]*)"', page)) == links
    summary = (tmp_path / "out" / "history.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(<([^>]*)>\)", summary)) == links
    assert all((tmp_path / "out" / link.replace("%20", " ")).is_file() for link in links)
    assert summary.startswith("## \N{CROSS MARK} Hanami history: Worse")


def test_a_renamed_result_has_no_link_to_a_page_that_may_be_of_another(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    store(runs, search(1, 800), search(2, 805))
    (runs / "night 1" / "peak.json").rename(runs / "night 1" / "old.json")
    (runs / "night 1" / "peak.html").write_text("", encoding="utf-8")
    history(runs)
    assert "night%201" not in (tmp_path / "out" / "history.html").read_text(encoding="utf-8")
