"""Profiles: how much is tried, and that the same is tried every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_conformance.options.profiles import DEEP
from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE, SECOND
from tools.tcp_proxy import COUNTS, counting_proxy


def sequences_of(folder: Path) -> dict[str, tuple[int, dict[str, int]]]:
    """Return the counts of the sequence cases: sequences, and comparisons by requirement.

    Not the exchanges: whether a close that meets the server's own is sent or only answered is a matter of timing.
    """
    cases = [case for case in result_of(folder)["cases"] if case["sequences"]]
    return {case["id"]: (case["sequences"], case["checks_by_requirement"]) for case in cases}


def test_smoke_judges_every_requirement_with_one_case_of_each_test(tmp_path: Path) -> None:
    run = run_suite("--target", "reference", "--profile", "smoke", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = result_of(tmp_path)
    assert {entry["verdict"] for entry in result["requirements"]} == {"PASS", "OBSERVED"}
    tests = [case["id"].split("[")[0] for case in result["cases"]]
    assert len(tests) == len(set(tests))
    assert result["manifest"]["options"]["profile"] == "smoke"
    assert result["leftovers"] == []


def test_the_same_sequences_run_whatever_else_runs(tmp_path: Path) -> None:
    counts = []
    for name, options in (("some", ("-k", "sequences")), ("one", ("--case", "test_direct_sequences.py"))):
        folder = tmp_path / name
        folder.mkdir()
        run = run_suite("--target", "reference", "--profile", "smoke", *options, cwd=folder)
        assert run.returncode in (0, 5), run.stdout  # so few sequences do not come to every requirement
        counts.append(sequences_of(folder))
    case = "test_direct_sequences.py::test_any_sequence_of_clusters_matches_the_model[search-1]"
    assert counts[0][case] == counts[1][case]


@pytest.mark.slow
def test_deep_reports_its_seed_and_ends_in_time(tmp_path: Path) -> None:
    options = ("--profile", "deep", "--minutes", "0.1", "--case", "test_call_sequences.py")
    run = run_suite("--target", "reference", *options, cwd=tmp_path)
    assert run.returncode in (0, 5), run.stdout + run.stderr  # 5 where no sequence reached some requirement
    seed = result_of(tmp_path)["manifest"]["options"]["seed"]
    assert f"profile deep, seed {seed}" in run.stdout
    counts = sequences_of(tmp_path)
    assert len(counts) == DEEP.searches
    assert all(sequences for sequences, _ in counts.values())


@pytest.mark.skipif(not COUNTS, reason="only Linux reports the state of a connection")
@pytest.mark.parametrize("connections", [1, 2])
def test_sequences_keep_to_the_budget(tmp_path: Path, connections: int) -> None:
    options = ("--profile", "smoke", "--max-connections", str(connections), "-k", "sequences")
    with faulty_backend() as url, counting_proxy(url) as (address, most):
        run = run_suite("--target", address, *ALICE, *SECOND, *options, cwd=tmp_path)
    for case in result_of(tmp_path)["cases"]:
        needs_two = case["id"].startswith("test_overlap_sequences.py")
        assert case["outcome"] == ("unsupported" if needs_two and connections == 1 else "passed"), run.stdout
    assert most() == connections + 1  # one REST call comes on top
