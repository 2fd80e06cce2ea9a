"""Runs in stages from end to end: headless, distributed, and from the web UI."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hanami_reports.model.load import LoadResult, RunState, read_load_result
from support.load_runs import easy_limits, load_result_of, run_load
from tools.web_ui import PATIENCE, backend, locust

PLAN = """
[[stage]]
kind = "ramp"
seconds = 2
users = 2
rate = 60
[[stage]]
kind = "spike"
seconds = 2
users = 4
rate = 200
[[stage.limit]]
metric = "response"
of = "direct request"
statistic = "mean"
at_most = "1 us"
[[stage]]
kind = "pause"
seconds = 2
[[stage]]
kind = "step"
seconds = 2
rate = 40
"""
EXPECTED = {"ramp 1": 60.0, "spike 2": 400.0, "pause 3": 0.0, "step 4": 80.0}  # messages that are scheduled in each


def plan(folder: Path) -> str:
    (folder / "stages.toml").write_text(PLAN, encoding="utf-8")
    return str(folder / "stages.toml")


def check(result: LoadResult, tolerance: float = 3) -> None:
    """All messages of each stage were scheduled, and the limit of one is broken."""
    assert [one.name for one in result.stages] == list(EXPECTED)
    for stage in result.stages:
        requests = stage.series.get("direct request")
        scheduled = requests.sent + requests.unsent if requests is not None else 0
        assert scheduled == pytest.approx(EXPECTED[stage.name], abs=tolerance if stage.name != "ramp 1" else 20)
    assert result.state is RunState.FAIL
    assert any(reason.startswith("spike 2: direct request: response mean <= 1 ") for reason in result.reasons)
    assert result.configuration["users"] == {"direct-request": 4}
    assert max(result.users.values()) == 4


OPTIONS = ("--model", "open", "--scenario", "direct-request", "--warm-up", "0.2")


def test_a_run_in_stages_ends_by_itself_with_a_verdict_on_each(tmp_path: Path) -> None:
    run = run_load("--target", "reference", "--stages", plan(tmp_path), *OPTIONS, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "4 stages, at most 4 users, 8 s: direct-request" in run.stdout
    assert "0 of 1 hold" in run.stdout
    result = load_result_of(tmp_path)
    check(result)
    assert result.duration == pytest.approx(7.8, abs=0.5)
    page = (tmp_path / "reports" / "latest-load" / "load.html").read_text(encoding="utf-8")
    assert '<h2 id="stages">Stages</h2>' in page
    assert '<th scope="row">pause 3</th>' in page


@pytest.mark.slow
def test_the_stages_of_several_processes_are_those_of_one_run(tmp_path: Path) -> None:
    run = run_load("--target", "reference", "--stages", plan(tmp_path), "--processes", "2", *OPTIONS, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert len(result.generators) == 2
    check(result, tolerance=60)  # when users join, processes take a moment to divide the rate anew


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_the_page_starts_the_stages_again_and_again(tmp_path: Path, workers: int) -> None:
    options = ("--model", "open", "--warm-up", "0.2", "--stages", plan(tmp_path), *easy_limits(tmp_path))
    with backend() as target, locust(target, tmp_path, workers, *options) as page:

        def verdict() -> bool:
            stats = httpx.get(f"{page.url}/stats/requests", timeout=PATIENCE, trust_env=False).json()
            return bool(stats["hanami"]["banner"]["has_report"])

        for _ in range(2):
            form = {"user_count": "1", "spawn_rate": "1", "user_classes": ["direct-request"], "shape_class": "Default"}
            assert page.post("/swarm", data=form).json()["success"]
            page.wait_until(lambda: not verdict())
            page.wait_until(verdict)
            check(read_load_result(tmp_path / "reports"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--users", "3"), "ERROR: --users 3: the stages have users of their own"),
        (("--seconds", "3"), "ERROR: --seconds 3: the stages have seconds of their own"),
        (("--rate", "3"), "ERROR: --rate 3: the stages have rates of their own"),
        (("--model", "closed"), "has rates, which the closed model ignores; add --model open"),
    ],
)
def test_options_that_the_stages_have_are_errors(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    target = ("--target", "http://127.0.0.1:1", "--model", "open", "--stages", plan(tmp_path))
    run = run_load(*target, *options, cwd=tmp_path)
    assert run.returncode == 4
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_drift_of_the_whole_run_is_an_error_where_stages_change_the_load(tmp_path: Path) -> None:
    drift = '[[drift]]\nmetric = "server.memory"\nat_most = "1 MB per hour"\n'
    (tmp_path / "limits.toml").write_text(drift, encoding="utf-8")
    options = ("--limits", "limits.toml", "--model", "open", "--stages", plan(tmp_path))
    run = run_load("--target", "reference", *options, cwd=tmp_path)
    assert run.returncode == 4
    assert "stages change the load; write [[stage.drift]] into one" in run.stdout + run.stderr


def test_a_limit_of_a_drift_is_an_error_where_faults_change_what_drifts(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text('[[drift]]\nmetric = "server.memory"\nat_most = "1 MB per hour"\n')
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "reset"\nat = "4 s"\n')
    options = ("--limits", "limits.toml", "--faults", "faults.toml", "--seconds", "12")
    run = run_load("--target", "reference", *options, cwd=tmp_path)
    assert run.returncode == 4
    assert "a drift has a limit, and faults change what drifts: leave one of them out" in run.stdout + run.stderr
