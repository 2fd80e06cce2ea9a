"""A server that never answers an untrained cluster fails the one case that is about it, and no other."""

from __future__ import annotations

from pathlib import Path

from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE

ASKS = "test_direct_io.py::test_an_untrained_cluster_answers"


def test_every_other_case_trains_before_it_asks(tmp_path: Path) -> None:
    families = [word for name in ("DIO", "MODE", "ATT-7") for word in ("--requirement", name)]
    smoke = ("--profile", "smoke", "--deadline", "1", "--database", "none")
    with faulty_backend("untrained-clusters-are-silent") as url:
        run = run_suite("--target", url, *ALICE, *smoke, *families, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    cases = {case["id"]: case for case in result_of(tmp_path)["cases"]}
    assert len(cases) > 40
    assert {name for name, case in cases.items() if case["outcome"] not in ("passed", "unsupported")} == {ASKS}
    assert cases[ASKS]["violated"] == ["DIO-3"]
