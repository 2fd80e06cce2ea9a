"""What real runs leave keeps to the schema of results, and to that of JUnit; the terminal names the page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from jsonschema import Draft202012Validator

from hanami_conformance.target.capabilities import LARGE_FILE, LARGE_FILE_CASE
from support.paths import ROOT
from support.suite_runs import BOLD, faulty_backend, result_of, run_suite
from support.targets import backend
from tools.reference import ALICE

SCHEMA = Draft202012Validator(
    json.loads((ROOT / "reports" / "hanami_reports" / "model" / "schemas" / "result.schema.json").read_text())
)
JUNIT = xmlschema.XMLSchema10(ROOT / "tests" / "support" / "junit-10.xsd")
KNOWN = '[[known]]\nrequirement = "PROG-2"\nmessage = "complete = true"\nreason = "it counts nothing"\n'
MISSING = ("--case", "test_upload_progress.py::test_one_missing_byte_is_not_complete[1-first]")


@pytest.mark.parametrize(
    ("fault", "options", "status", "outcome"),
    [
        ("", MISSING, 0, "passed"),
        ("complete-from-the-beginning", MISSING, 1, "failed"),
        ("complete-from-the-beginning", (*MISSING, "--known", "k.toml"), 0, "known"),
        (
            "dies-of-large-positions",
            (BOLD, "--deadline", "2", "--requirement", "DATA-5", "-k", "not sequences"),
            6,
            "lost",
        ),
    ],
    ids=["passing", "failing", "known", "lost"],
)
def test_real_results_keep_to_their_schemas(
    tmp_path: Path, fault: str, options: Sequence[str], status: int, outcome: str
) -> None:
    (tmp_path / "k.toml").write_text(KNOWN)
    with faulty_backend(fault) as url:
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == status, run.stdout + run.stderr
    folder = tmp_path / "reports" / "latest"
    data = json.loads((folder / "result.json").read_text())
    assert outcome in {case["outcome"] for case in data["cases"]}
    assert [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(data)] == []
    assert [error.reason for error in JUNIT.iter_errors((folder / "junit.xml").read_text())] == []
    assert f"<title>{data['verdict'].capitalize()}: {url}</title>" in (folder / "conformance.html").read_text()
    assert data["verdict"].lower() in "".join(ElementTree.parse(folder / "badge.svg").getroot().itertext())
    assert data["verdict"] in (folder / "summary.md").read_text()
    assert "reports  reports/latest/conformance.html, reports/latest/result.json" in run.stdout


LARGE = ("--case", LARGE_FILE_CASE)
COST = "INIT-3 announces files of 8,585,740,398 bytes in all: a server may allocate them, and keep them when deleted"
KEPT = r"accepted uploads announced 4,29\d,\d{3},\d{3} bytes: a server that keeps"


@pytest.mark.parametrize(
    ("options", "permission", "before", "after"),
    [
        (("--max-file-size", "5000000000", "--max-storage", "9000000000"), "1", True, True),
        ((), "1", True, False),  # the server rejects the file
        ((), "0", False, False),  # the case does not run
    ],
    ids=["accepted", "rejected", "not sent"],
)
def test_the_space_of_the_large_file_is_named_before_and_after_the_run(
    tmp_path: Path, options: Sequence[str], permission: str, *, before: bool, after: bool
) -> None:
    with backend(*options) as url:
        environment = {"HANAMI_ALLOW_DESTRUCTIVE": permission}
        run = run_suite("--target", url, *ALICE, *LARGE, cwd=tmp_path, environment=environment)
    assert (COST in run.stdout) is before
    assert bool(re.search(KEPT, run.stdout)) is after
    # Before a case that may harm the server, a small upload shows that it works.
    assert result_of(tmp_path)["manifest"]["announced_bytes"] // 2**20 == (LARGE_FILE // 2**20 if after else 0)


def test_the_space_is_not_named_where_another_case_runs(tmp_path: Path) -> None:
    with backend() as url:
        run = run_suite("--target", url, *ALICE, *MISSING, cwd=tmp_path)
    assert "INIT-3 announces" not in run.stdout
    assert result_of(tmp_path)["manifest"]["announced_bytes"] > 0
