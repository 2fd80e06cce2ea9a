"""``load.json`` keeps to its schema, and the schema knows every field and word of the code."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hanami_loadtests.engine.failures import NoAnswer
from hanami_loadtests.engine.recorder import Recorder, Stopwatch
from hanami_reports.model.faults import FaultResult
from hanami_reports.model.load import (
    EXIT_STATUSES,
    FORMAT,
    FORMAT_VERSION,
    ErrorClass,
    Generator,
    LimitResult,
    LoadResult,
    RunState,
    StageResult,
)
from hanami_reports.model.overlap import OverlapCounts, OverlapViolation
from support.load_results import failed_run, hostile_run, invalid_run, lost_run, second_run, silent_run
from support.paths import ROOT
from support.schemas import LOAD_RESULT_CHANGES

SCHEMA = json.loads(
    (ROOT / "reports" / "hanami_reports" / "model" / "schemas" / "load.schema.json").read_text(encoding="utf-8")
)
DOCUMENT = (ROOT / "docs" / "reference" / "load-results.md").read_text(encoding="utf-8")
CHECK = Draft202012Validator(SCHEMA)


def recorded_run() -> LoadResult:
    """With a series as the recorder of real runs fills it."""
    now = [0.0]
    recorder = Recorder(origin=0.0, clock=lambda: now[0])
    for place in range(5):
        watch = Stopwatch(place * 0.5, place * 0.5 + 0.1)
        recorder.sent("upload chunk", watch)
        now[0] = watch.sent + 0.2
        if place == 4:
            recorder.unanswered("upload chunk", watch, NoAnswer("no answer"))
        else:
            recorder.succeeded("upload chunk", watch, up=10, down=1, index=place)
    recorder.unsent("upload chunk", [2.6])
    return dataclasses.replace(second_run(), series=recorder.series, errors=tuple(recorder.errors.values()))


PARTS = {
    "limit": LimitResult,
    "error": ErrorClass,
    "generator": Generator,
    "stage": StageResult,
    "fault": FaultResult,
    "overlap": OverlapCounts,
    "overlap_violation": OverlapViolation,
}
RUNS = [hostile_run, invalid_run, lost_run, second_run, silent_run, recorded_run]


@pytest.mark.parametrize("run", RUNS)
def test_a_result_keeps_to_its_schema(run: Callable[[], LoadResult]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    data = json.loads(run().to_json())
    assert [error.message for error in CHECK.iter_errors(data)] == []


def test_the_schema_is_of_this_version_and_knows_all_words_and_fields() -> None:
    properties, parts = SCHEMA["properties"], SCHEMA["$defs"]
    assert (properties["format"]["const"], properties["format_version"]["const"]) == (FORMAT, FORMAT_VERSION)
    assert parts["state"]["enum"] == [state.value for state in RunState]
    assert properties["exit_status"]["enum"] == sorted(EXIT_STATUSES.values())
    for name, kind in PARTS.items():
        fields = [one.name for one in dataclasses.fields(kind)]
        assert list(parts[name]["properties"]) == fields
        assert parts[name]["required"] == fields
    assert list(parts["series"]["properties"]) == list(json.loads(recorded_run().to_json())["series"]["upload chunk"])


@pytest.mark.parametrize("change", LOAD_RESULT_CHANGES.values(), ids=list(LOAD_RESULT_CHANGES))
def test_the_schema_refuses(change: Callable[[dict[str, Any]], None]) -> None:
    data = copy.deepcopy(json.loads(dataclasses.replace(recorded_run(), limits=failed_run().limits).to_json()))
    assert CHECK.is_valid(data)
    change(data)
    assert not CHECK.is_valid(data)


def test_the_document_describes_every_field() -> None:
    parts = SCHEMA["$defs"]
    names = [*SCHEMA["properties"], *(name for part in parts.values() for name in part.get("properties", {}))]
    missing = [name for name in dict.fromkeys(names) if f"`{name}`" not in DOCUMENT]
    assert missing == []
