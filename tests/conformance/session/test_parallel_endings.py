"""Runs with workers that end early, or whose server or worker ends: nothing is left, and verdicts stay right."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.managed_servers import expect_gone, outcomes, server_of
from support.suite_runs import begin_suite, faulty_backend, in_pytest, result_of, run_suite, wait_for_cases
from support.targets import hanami, program
from tools.reference import ALICE, TIMEOUT

WORKERS = ("--workers", "2", "--database", "none")
MODULE = "hanami_conformance.session.workers.worker"


def workers_of(run: int) -> list[psutil.Process]:
    """The worker processes of a run."""
    return [child for child in psutil.Process(run).children() if MODULE in child.cmdline()]


def expect_ended(processes: list[psutil.Process]) -> None:
    """Wait until all processes have ended."""
    assert processes
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []


def expect_nothing_left(url: str, folder: Path) -> None:
    """Nothing of a run is left on a target."""
    swept = hanami("sweep", "--yes", "--target", url, *ALICE, cwd=folder)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert "nothing" in swept.stdout


def test_ctrl_c_ends_the_workers_and_cleans_up(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = begin_suite("--target", url, *ALICE, *WORKERS, cwd=tmp_path)
        wait_for_cases(run)
        workers = workers_of(run.pid)
        run.send_signal(signal.SIGINT)
        rest = run.communicate(timeout=TIMEOUT)[0]
        expect_ended(workers)
        expect_nothing_left(url, tmp_path)
    assert run.returncode == 2, rest
    assert "INTERRUPTED" in rest
    assert "Traceback" not in rest
    result = result_of(tmp_path)
    assert result["leftovers"] == []
    assert set(outcomes(result)) >= {"passed", "not run"}


@pytest.mark.slow
def test_workers_end_where_the_run_is_killed(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = begin_suite("--target", url, *ALICE, *WORKERS, cwd=tmp_path)
        wait_for_cases(run)
        workers = workers_of(run.pid)
        run.kill()
        run.communicate(timeout=TIMEOUT)
        expect_ended(workers)


def test_a_worker_that_is_killed_changes_no_verdict(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = begin_suite("--target", url, *ALICE, *WORKERS, "-k", "progress", "--profile", "smoke", cwd=tmp_path)
        end = time.monotonic() + TIMEOUT
        while not (workers := workers_of(run.pid)):
            assert time.monotonic() < end
            time.sleep(0.01)
        workers[0].kill()
        output = run.communicate(timeout=TIMEOUT)[0]
    assert run.returncode == 0, output
    assert "the other cases run in one process: a worker ended" in output
    assert "CONFORMANT" in output


def test_the_first_failure_ends_a_run_that_stops_there(tmp_path: Path) -> None:
    chosen = in_pytest("--profile", "smoke", "--requirement", "PROG")
    with faulty_backend("complete-from-the-beginning") as url:
        words = ["-m", "pytest", "-n", "2", "-x", "--pyargs", "hanami_conformance", *chosen]
        run = program([sys.executable, *words, *in_pytest("--target", url, *ALICE)], tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    found = outcomes(result_of(tmp_path))
    assert found.count("failed") == 1
    assert "not run" in found[found.index("failed") :]
    assert "not run" not in found[: found.index("failed")]


@pytest.mark.slow
def test_a_known_failure_is_known_with_workers(tmp_path: Path) -> None:
    with faulty_backend("complete-from-the-beginning") as url:
        words = ("--target", url, *ALICE, "-k", "test_upload_progress", "--profile", "smoke")
        first = run_suite(*words, *WORKERS, cwd=tmp_path)
        assert first.returncode == 1, first.stdout + first.stderr
        listed = hanami("known", "--update", "known.toml", cwd=tmp_path)
        assert listed.returncode == 0, listed.stdout + listed.stderr
        again = run_suite(*words, *WORKERS, "--known", "known.toml", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "NO NEW FAILURES" in again.stdout
    assert "known" in outcomes(result_of(tmp_path))


@pytest.mark.slow
def test_a_crash_beside_others_is_attributed_to_its_case_alone(tmp_path: Path) -> None:
    chosen = ("-k", "invalid_idx_files or test_direct_mode", "--deadline", "3")
    run = run_suite(*server_of("dies-of-wrong-idx"), *WORKERS, *chosen, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = result_of(tmp_path)
    lost = [case for case in result["cases"] if case["outcome"] == "lost"]
    assert {case["id"].partition("[")[0] for case in lost} == {
        "test_upload_content.py::test_invalid_idx_files_are_rejected"
    }
    assert all(case["violated"] == ["GEN-2", "FIN-6"] for case in lost)
    assert "again when it ran alone" in lost[0]["reason"]
    assert "not run" not in outcomes(result)
    verdicts = {one["id"]: one["verdict"] for one in result["requirements"]}
    assert (verdicts["GEN-2"], verdicts["FIN-6"], verdicts["MODE-1"]) == ("FAIL", "FAIL", "PASS")
    steps = [line.split("  ")[1] for line in run.stdout.splitlines() if " passed" in line]
    assert len(set(steps)) == len(steps)
    expect_gone(tmp_path)


@pytest.mark.slow
def test_a_server_that_dies_of_its_deletions_is_judged_as_in_one_process(tmp_path: Path) -> None:
    chosen = ("--requirement", "PROG-2", "--profile", "smoke", "--deadline", "3")
    run = run_suite(*server_of("dies-of-deletes"), *WORKERS, *chosen, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = result_of(tmp_path)
    assert "lost" in outcomes(result)
    assert "not run" not in outcomes(result)
    assert {one["id"]: one["verdict"] for one in result["requirements"]}["GEN-2"] == "FAIL"
    expect_gone(tmp_path)


@pytest.mark.slow
def test_a_target_that_is_lost_ends_the_run(tmp_path: Path) -> None:
    with faulty_backend("dies-of-deletes") as url:
        options = ("--deadline", "1", "--requirement", "PROG-2", "--profile", "smoke")
        run = run_suite("--target", url, *ALICE, *WORKERS, *options, cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    result = result_of(tmp_path)
    (lost,) = [case for case in result["cases"] if case["outcome"] == "lost"]
    assert lost["violated"] == ["GEN-2"]
    assert "not confirmed" in lost["reason"]


TRUSTING = """
import sys
from hanami_conformance.cli.main import main
from hanami_conformance.session.workers.parallel_part import ParallelPart
from hanami_reports.model.conformance import CaseResult, Outcome
def run(self, cases, *, stops_at_failure):
    if not self.failed:
        *passed, failed = cases
        self.failed.add(failed)
        for case in passed:
            yield CaseResult(case, "", ("PROG-2",), Outcome.PASSED)
ParallelPart.run = run
sys.exit(main())
"""


def test_neighbours_that_change_one_case_may_have_hidden_failures_of_others(tmp_path: Path) -> None:
    chosen = ("--case", "test_upload_progress.py", "--case", "test_direct_mode.py", "--profile", "smoke")
    with faulty_backend("complete-from-the-beginning") as url:
        words = ("run", "--target", url, *ALICE, *WORKERS, *chosen, "--max-connections", "4")
        run = program([sys.executable, "-c", TRUSTING, *words], tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(
        r"fails beside other cases, and passes alone: the \d+ cases that passed in workers run again", run.stdout
    )
    result = result_of(tmp_path)
    assert {"passed", "failed"} == set(outcomes(result)) - {"unsupported"}
    assert {one["id"]: one["verdict"] for one in result["requirements"]}["PROG-2"] == "FAIL"
