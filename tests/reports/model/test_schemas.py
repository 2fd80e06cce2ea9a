"""Reports keep to their schemas: JUnit to that of Jenkins, the result to its own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import xmlschema
from jsonschema import Draft202012Validator

from hanami_reports.conformance.junit import junit_xml
from hanami_reports.model.conformance import FORMAT_VERSION, ExitStatus, Outcome, RunResult, Verdict, parse_result
from hanami_reports.model.coverage import ModelCoverage, NotCovered
from hanami_reports.model.findings import result_json
from hanami_reports.model.known_failures import Entry, EntryResult, KnownFailuresReport, Problem
from support.conformance_results import case, hostile, mixed, run_of
from support.paths import ROOT
from support.schemas import put

JUNIT_SCHEMA = xmlschema.XMLSchema10(ROOT / "tests" / "support" / "junit-10.xsd")
SCHEMA = json.loads((ROOT / "reports" / "hanami_reports" / "model" / "schemas" / "result.schema.json").read_text())
LISTED = KnownFailuresReport("k.toml", "s", (EntryResult(Entry("DATA-2", line=3), (), Problem.STALE, "no longer"),))

MET = ModelCoverage(
    "table",
    "upload of a table",
    dimensions=2,
    values=4,
    rows=2,
    pairs=4,
    covered=2,
    excluded=(NotCovered("a = 1", ("b = 2",), "why"),),
    missing=(NotCovered("a = 2", ("b = 1",), "time"),),
)


def everything() -> RunResult:
    """A result with every outcome, a list of known failures that is wrong, and the coverage of an input model."""
    result = run_of([case(index, outcome, f"S-{index}") for index, outcome in enumerate(Outcome)])
    return RunResult(result.manifest, result.exit_status, "", result.requirements, result.cases, (), LISTED, (MET,))


RESULTS = [
    everything(),
    mixed(),
    hostile(),
    run_of([case(1, Outcome.PASSED, "A-1")], status=ExitStatus.CONFORMANT),
    RunResult({}, ExitStatus.TARGET_LOST, "no connection", (), ()),
]


@pytest.mark.parametrize("result", RESULTS)
def test_junit_keeps_to_the_schema_of_jenkins(result: RunResult) -> None:
    assert [str(error) for error in JUNIT_SCHEMA.iter_errors(junit_xml(result))] == []


def test_the_schema_of_jenkins_takes_no_properties_of_cases() -> None:
    text = junit_xml(mixed()).replace('time="0.500" />', 'time="0.500"><properties /></testcase>', 1)
    assert "<properties /></testcase>" in text
    assert list(JUNIT_SCHEMA.iter_errors(text))


@pytest.mark.parametrize("result", RESULTS)
def test_a_result_keeps_to_its_schema(result: RunResult) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    text = result_json(result).encode("utf-8", "backslashreplace").decode()
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(json.loads(text))] == []
    assert parse_result(text) == result


def test_the_schema_is_of_this_version_and_knows_all_words() -> None:
    assert SCHEMA["properties"]["format_version"]["const"] == FORMAT_VERSION
    assert SCHEMA["$defs"]["outcome"]["enum"] == [outcome.value for outcome in Outcome]
    assert SCHEMA["$defs"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    problems = SCHEMA["$defs"]["known"]["properties"]["entries"]["items"]["properties"]["problem"]["enum"]
    assert problems == [*(problem.value for problem in Problem), None]


CHANGES = {
    "a field that nobody knows": put("more", value=1),
    "a field of a case that nobody knows": put("cases", 0, "more", value=1),
    "a field of an event that nobody knows": put("cases", 1, "exchange", 0, "more", value=1),
    "a text for a number": put("cases", 0, "duration", value="long"),
    "a number for a text": put("requirements", 0, "text", value=7),
    "an outcome that there is not": put("cases", 0, "outcome", value="odd"),
    "a verdict that there is not": put("requirements", 0, "verdict", value="ODD"),
    "a direction that there is not": put("cases", 1, "exchange", 0, "direction", value="sideways"),
    "a status that there is not": put("exit_status", value=9),
    "a version that there is not": put("format_version", value=99),
    "an entry without its file": put("known", value={"server": "", "entries": []}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_schema_rejects_invalid_results(change: Callable[[dict[str, Any]], None]) -> None:
    result = run_of([case(0, Outcome.PASSED, "A-1"), *mixed().cases[2:3]])
    data = copy.deepcopy(json.loads(result_json(result)))
    assert not list(Draft202012Validator(SCHEMA).iter_errors(data))
    change(data)
    assert list(Draft202012Validator(SCHEMA).iter_errors(data))
