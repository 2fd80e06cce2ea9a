"""Schemathesis runs against the reference backend in each dialect, and its report decides."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import schemathesis
from tools.schemathesis import Plan, outcome_from, parse_options

# A stand-in for Schemathesis: it reads the page, sends a request with the token, and writes the report that it has.
PROGRAM = """#!{python}
import json, sys
from pathlib import Path
import httpx
words = sys.argv[1:]
value = lambda option: words[words.index(option) + 1]
page = words[words.index("run") + 1]
(path,) = [path for path in httpx.get(page).json()["paths"] if path.endswith("cluster/all")]
name, _, token = value("--header").partition(": ")
answer = httpx.get(page.removesuffix("/openapi.json") + path, headers={{name: token}})
print(value("--seed"), value("--max-time"), answer.status_code)
report = json.loads({report!r})
if report and answer.status_code == 200 and Path(value("--config-file")).is_file():
    Path(value("--report-json-path")).write_text(json.dumps(report))
"""
PHASES = ("examples", "coverage", "fuzzing", "stateful")


def report(
    *failures: str, requests: int = 7, errors: tuple[str, ...] = (), stateful: str = "success"
) -> dict[str, Any]:
    phases = {**dict.fromkeys(PHASES, "success"), "stateful": stateful}
    return {
        "test_cases": {"generated": requests},
        "failures": [{"title": title, "count": 2} for title in failures],
        "errors": [{"title": title} for title in errors],
        "phases": {name: {"status": status} for name, status in phases.items()},
    }


def run(folder: Path, content: dict[str, Any], *dialects: str) -> tuple[int, list[str]]:
    program = folder / "schemathesis"
    program.write_text(PROGRAM.format(python=sys.executable, report=json.dumps(content)), encoding="utf-8")
    program.chmod(0o700)
    lines: list[str] = []
    plan = Plan(dialects or ("documented",), 5, 10, 42, folder / "reports", program)
    return schemathesis.run(plan, lines.append), [" ".join(line.split()) for line in lines]


def test_each_dialect_has_a_server_and_a_token(tmp_path: Path) -> None:
    status, lines = run(tmp_path, report(), "documented", "openhanami-0.7")
    assert (status, [line.split(" s ")[1] for line in lines]) == (0, ["7 requests", "7 requests"])
    for name in ("documented", "openhanami-0.7"):
        assert (tmp_path / "reports" / f"{name}.txt").read_text() == "42 5 200\n"


def test_a_broken_promise_fails(tmp_path: Path) -> None:
    status, lines = run(tmp_path, report("Undocumented status code"))
    assert (status, lines[0].split(" s ")[1]) == (1, "7 requests, Undocumented status code: 2")
    assert lines[1] == f"see {tmp_path / 'reports' / 'documented.txt'}"


@pytest.mark.parametrize(
    ("content", "passed"),
    [
        (report(), True),
        (report(stateful="skip"), True),  # the time was too short
        (report(stateful="error"), False),
        (report(requests=0), False),
        (report(errors=("Schema Error",)), False),
    ],
)
def test_what_passes(content: dict[str, Any], passed: bool) -> None:
    assert outcome_from(content).passed is passed


def test_a_run_without_a_report_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "documented.json").write_text(json.dumps(report()))  # of an earlier run
    status, lines = run(tmp_path, {})
    assert (status, lines[-1].startswith("ERROR documented: Schemathesis left no report")) == (3, True)


def test_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    lines: list[str] = []
    plan = parse_options(["--program", str(tmp_path / "none"), "--report-dir", str(tmp_path)])
    assert schemathesis.run(plan, lines.append) == 3
    assert "make schemathesis" in lines[0]
    assert len(plan.dialects) == 5
