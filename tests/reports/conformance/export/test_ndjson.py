"""The file of events: what is written is read again, line by line."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hanami_reports.conformance.export.exchanges import recorded_run
from hanami_reports.conformance.export.ndjson import EventsWriter, is_events_file, read_events, write_events
from hanami_reports.model.conformance import Outcome, RunResult
from support.conformance_results import case, hostile
from support.paths import ROOT
from support.recorded_exchanges import STARTED, failed_case, recorded_result, rest_exchange

SCHEMA = json.loads((ROOT / "reports" / "hanami_reports" / "model" / "schemas" / "result.schema.json").read_text())


def written(folder: Path, result: RunResult) -> Path:
    file = io.BytesIO()
    write_events(recorded_run(result, "result.json"), file)
    path = folder / "events.ndjson"
    path.write_bytes(file.getvalue())
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("result", [recorded_result(), hostile()])
def test_what_is_written_is_read_again(tmp_path: Path, result: RunResult) -> None:
    before = recorded_run(result, "result.json")
    after = read_events(written(tmp_path, result))
    assert after.manifest == before.manifest
    assert list(after.cases) == [replace(one, exchange=()) for one in before.cases]
    assert [tuple(one.events) for one in after.exchanges] == [one.events for one in before.exchanges]
    assert [(one.case.id, one.violating) for one in after.exchanges] == [
        (one.case.id, one.violating) for one in before.exchanges
    ]


def test_the_times_of_a_case_are_read_again(tmp_path: Path) -> None:
    (before,) = recorded_run(recorded_result(), "result.json").exchanges
    (after,) = read_events(written(tmp_path, recorded_result())).exchanges
    assert abs((after.started - before.started).total_seconds()) < 2e-6


def test_lines_have_the_fields_of_the_schema_of_results(tmp_path: Path) -> None:
    run, *others = lines(written(tmp_path, recorded_result()))
    assert (run["type"], run["format"], run["format_version"]) == ("run", "hanami-conformance-events", 1)
    assert {one["type"] for one in others} == {"event", "case"}
    for one in others:
        kind = one.pop("type")
        if kind == "event":
            place = {name: one.pop(name) for name in ("exchange", "case", "sequence", "time")}
            assert place == {**place, "exchange": 1, "case": failed_case().id, "sequence": 0}
        else:
            one["exchange"] = []
        schema = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"}
        assert [error.message for error in Draft202012Validator(schema).iter_errors(one)] == []


def test_a_line_has_the_time_of_the_clock(tmp_path: Path) -> None:
    assert lines(written(tmp_path, recorded_result()))[1]["time"] == "2026-01-02T03:04:05.223456Z"


def test_sequences_and_repeated_cases_are_exchanges_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    with path.open("wb") as file:
        writer = EventsWriter(file, {})
        for sequence in (1, 2):
            writer.exchange("f::t", STARTED, rest_exchange(), sequence)
        writer.exchange("f::t", STARTED, rest_exchange()[:2])
        writer.case(replace(case(1, Outcome.FAILED, "PROG-2"), id="f::t"))
        writer.case(replace(case(1, Outcome.LOST, "PROG-2"), id="f::t"))
    run = read_events(path)
    assert [(one.title, len(one.events)) for one in run.exchanges] == [
        ("f::t, sequence 1", 8),
        ("f::t, sequence 2", 8),
        ("f::t", 2),
    ]
    assert [one.outcome for one in run.cases] == [Outcome.LOST]


def test_the_file_of_a_run_that_goes_on_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, recorded_result())
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]) + b'{"type": "ev')
    run = read_events(path)
    assert [len(one.events) for one in run.exchanges] == [3]
    assert [(one.outcome, one.reason) for one in run.cases] == [(Outcome.NOT_RUN, "the case did not end")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Expecting property name"),
        ("[]", "line 2: must be a JSON object"),
        ("{}", "line 2: 'type' is missing"),
        ('{"type": "odd"}', "line 2: unknown type 'odd'"),
        ('{"type": "event"}', "line 2: 'exchange' is missing"),
        ('{"type": "event", "exchange": "x", "case": "c", "sequence": 0, "time": ""}', "line 2: invalid literal"),
        ('{"type": "case", "id": 7}', "line 2: id: "),
        ('{"type": "run", "format": "x", "format_version": 1}', "line 2: this release reads"),
        ("[" * 100_000, "line 2: "),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, recorded_result())
    path.write_text(path.read_text().splitlines()[0] + f"\n{line}\n")
    with pytest.raises(ValueError, match="line 2: ") as caught:
        read_events(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "hanami-conformance-result"}'])
def test_other_files_are_no_events_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    assert not is_events_file(tmp_path / "x")
    assert not is_events_file(tmp_path / "missing")
    assert is_events_file(written(tmp_path, recorded_result()))
