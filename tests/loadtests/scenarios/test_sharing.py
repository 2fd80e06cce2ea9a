"""Clients that share objects, against servers that do everything right one at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markupsafe import escape

from hanami_conformance.stateful.overlap.history import ABSENT, LISTED
from hanami_loadtests.engine.rest import LoadResponse
from hanami_loadtests.scenarios.shared_upload import SharedUpload
from hanami_reports.common.file_names import LOAD_PAGE
from hanami_reports.model.load import RunState
from support.load_runs import load_result_of, run_load
from support.suite_runs import faulty_backend

SHARED = ("--scenario", "shared-objects", "--users", "2", "--seconds", "4", "--warm-up", "0")


def test_answers_of_a_server_without_faults_have_an_order(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = run_load("--target", url, *SHARED, "--processes", "2", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.overlap is not None
    assert result.overlap.explained == result.overlap.windows > 0
    assert result.overlap.overlapping > 0
    assert not result.overlap.violations
    assert not result.leftovers
    assert "shared objects: an order explains the answers of" in run.stdout
    undecided = [limit for limit in result.limits if limit.metric == "undecided"]
    assert [limit.state for limit in undecided] == [RunState.PASS]


@pytest.mark.parametrize(
    ("fault", "requirements"),
    [
        ("puts-at-once-all-accepted", {"FIN-5"}),
        pytest.param("chunk-beside-progress-counted-twice", {"PROG-2"}, marks=pytest.mark.slow),
        pytest.param("put-beside-the-last-chunk-lacks-it", {"PROG-2"}, marks=pytest.mark.slow),
        pytest.param("chunk-beside-the-put-lost", {"FIN-7", "FIN-5"}, marks=pytest.mark.slow),
        pytest.param("puts-at-once-count-the-rows-twice", {"FIN-5"}, marks=pytest.mark.slow),
    ],
)
def test_a_race_of_the_server_fails_the_run(tmp_path: Path, fault: str, requirements: set[str]) -> None:
    with faulty_backend(fault) as url:
        run = run_load("--target", url, *SHARED, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.overlap is not None
    assert result.overlap.unexplained > 0
    assert requirements & {violation.requirement for violation in result.overlap.violations}
    first = result.overlap.violations[0].operations[0]
    assert first in run.stdout
    assert str(escape(first)) in (tmp_path / "reports" / "latest-load" / LOAD_PAGE).read_text(encoding="utf-8")
    assert result.series["shared object"].incorrect == result.overlap.unexplained


@pytest.mark.parametrize(("name", "found"), [("hc_load_1_shared_4", LISTED), ("hc_load_1_shared_40", ABSENT)])
def test_a_list_has_an_upload_under_its_whole_name(name: str, found: str) -> None:
    upload = SharedUpload.__new__(SharedUpload)
    upload.uuid, upload.name = "3f2a", "hc_load_1_shared_4"
    body = json.dumps({"header": ["name"], "body": [[name]]}).encode()
    assert upload._listed(LoadResponse("GET /dataset/all", 200, body, "application/json")) == found
