"""Runs with workers: the same verdicts, cases and order as in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.options.target import Credentials, ExistingCluster, TargetOptions
from hanami_conformance.session.workers.parallel_part import WorkerCount, worker_count
from hanami_conformance.target.target import Target
from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE
from tools.tcp_proxy import COUNTS, counting_proxy

SUBSET = "(progress or direct_mode or first_sequences or tables_in_any or test_restart) and not overlap"
VARIABLE = ("duration", "started", "exchanges", "observations")  # of a case; observations quote uuids


def cases_of(folder: Path) -> list[dict[str, Any]]:
    """The cases of a run, without what differs from run to run."""
    cases = result_of(folder)["cases"]
    return [{name: value for name, value in case.items() if name not in VARIABLE} for case in cases]


def target_options(**more: Any) -> TargetOptions:
    """Options of a target that nothing connects to."""
    return TargetOptions("http://127.0.0.1:9", Credentials("alice", "no-password"), **more)


def run_with(workers: str, *options: str, cwd: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Run the suite with workers in a folder of its own; return its exit status, its cases, and its output."""
    folder = cwd / f"{workers}-workers"
    folder.mkdir()
    run = run_suite("--workers", workers, "--database", "none", *options, cwd=folder)
    return run.returncode, cases_of(folder), run.stdout + run.stderr


def test_workers_give_the_same_cases_in_the_same_order(tmp_path: Path) -> None:
    options = ("--target", "reference", "--profile", "smoke", "-k", SUBSET)
    one, two = (run_with(workers, *options, cwd=tmp_path) for workers in ("1", "2"))
    assert one[0] == two[0] == 0, one[2] + two[2]
    assert len(one[1]) > 30
    assert one[1] == two[1]
    results = [result_of(tmp_path / f"{workers}-workers") for workers in (1, 2)]
    assert results[0]["requirements"] == results[1]["requirements"]
    assert results[0]["coverage"] == results[1]["coverage"]
    assert [result["manifest"]["workers"] for result in results] == [1, 2]
    assert "2 workers" in two[2]


def test_failures_are_judged_as_in_one_process(tmp_path: Path) -> None:
    options = ("-k", "test_upload_progress", "--profile", "smoke", *ALICE)
    with faulty_backend("complete-from-the-beginning") as url:
        one, two = (run_with(workers, "--target", url, *options, cwd=tmp_path) for workers in ("1", "2"))
    assert one[0] == two[0] == 1, one[2] + two[2]
    failed = [[(case["id"], case["violated"]) for case in run[1] if case["outcome"] == "failed"] for run in (one, two)]
    assert failed[0] == failed[1]
    assert failed[0]


@pytest.mark.parametrize(
    ("wanted", "limit", "dialect", "count", "reason"),
    [
        (1, 8, "documented", 1, ""),
        (4, 8, "documented", 4, ""),
        (4, 2, "documented", 2, "the target has 2 connections (--max-connections)"),
        (4, 1, "documented", 1, "the target has 1 connection (--max-connections)"),
        (4, 3, "hanami-0.4", 2, "the server serves 4 connections at once"),
    ],
)
def test_workers_share_the_connections_of_the_target(
    wanted: int, limit: int, dialect: str, count: int, reason: str
) -> None:
    target = Target(target_options(dialect=dialect, max_connections=limit))
    assert worker_count(wanted, target) == WorkerCount(count, reason)


def test_a_given_cluster_is_not_shared() -> None:
    cluster = ExistingCluster("0" * 32, {"in": 5}, {"out": 5})
    target = Target(target_options(cluster=cluster, max_connections=8))
    assert worker_count(4, target).count == 1


def test_a_process_opens_no_more_than_its_share() -> None:
    limit = ConnectionLimit(8, share=2)
    limit.acquire()
    limit.acquire()
    with pytest.raises(RuntimeError, match="more than 2 connections"):
        limit.acquire()
    with pytest.raises(RuntimeError, match="needs 3 connections at the same time, this process has 2"):
        limit.require(3)
    with pytest.raises(Unsupported, match="--max-connections"):
        limit.require(9)


@pytest.mark.slow
@pytest.mark.skipif(not COUNTS, reason="connections can be counted on Linux alone")
def test_all_workers_together_open_no_more_connections_than_one_process(tmp_path: Path) -> None:
    options = (
        "--profile",
        "smoke",
        "-k",
        "test_upload_data or test_direct_io or combinations",
        "--max-connections",
        "2",
    )
    with faulty_backend() as backend, counting_proxy(backend) as (url, most):
        status, _, output = run_with("4", "--target", url, *ALICE, *options, cwd=tmp_path)
        assert most() <= 2 + 2  # two websockets, and a REST call of each of the two workers
    assert status == 0, output
    assert "2 workers: the target has 2 connections" in output
