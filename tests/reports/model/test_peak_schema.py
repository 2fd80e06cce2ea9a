"""``peak.json`` keeps to its schema, and the schema knows every field and word of the code."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hanami_reports.model.load import EXIT_STATUSES, RunState
from hanami_reports.model.peak import (
    FORMAT,
    FORMAT_VERSION,
    BrokenFirst,
    LoadUnit,
    PeakPoint,
    PeakResult,
    ScalabilityFit,
    parse_peak_result,
)
from support.paths import ROOT
from support.peak_results import closed_peak, failed_search, found_peak, lower_bound
from support.schemas import put

SCHEMA = json.loads(
    (ROOT / "reports" / "hanami_reports" / "model" / "schemas" / "peak.schema.json").read_text(encoding="utf-8")
)
DOCUMENT = (ROOT / "docs" / "reference" / "peak-results.md").read_text(encoding="utf-8")
CHECK = Draft202012Validator(SCHEMA)
CHANGES = {
    "a field that nobody knows": put("more", value=1),
    "a unit that there is not": put("unit", value="requests"),
    "the status of wrong options": put("exit_status", value=4),
    "a negative load": put("points", 0, "load", value=-1),
    "a share above 1": put("points", 0, "unsent", value=2),
    "a text for a number": put("peak", value="high"),
}


@pytest.mark.parametrize("made", [found_peak, lower_bound, closed_peak, failed_search])
def test_a_result_keeps_to_its_schema_and_is_read_again(made: Callable[[], PeakResult]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    text = made().to_json()
    assert [error.message for error in CHECK.iter_errors(json.loads(text))] == []
    assert parse_peak_result(text) == made()


def test_the_schema_is_of_this_version_and_knows_all_words_and_fields() -> None:
    properties, parts = SCHEMA["properties"], SCHEMA["$defs"]
    assert (properties["format"]["const"], properties["format_version"]["const"]) == (FORMAT, FORMAT_VERSION)
    assert parts["state"]["enum"] == [state.value for state in RunState]
    assert properties["unit"]["enum"] == [unit.value for unit in LoadUnit]
    assert properties["exit_status"]["enum"] == sorted(EXIT_STATUSES.values())
    assert list(properties) == ["format", "format_version", *(one.name for one in dataclasses.fields(PeakResult))]
    for name, kind in (("point", PeakPoint), ("broken_first", BrokenFirst), ("fit", ScalabilityFit)):
        fields = [one.name for one in dataclasses.fields(kind)]
        assert list(parts[name]["properties"]) == fields
        assert parts[name]["required"] == fields


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_the_schema_and_the_reader_refuse(change: Callable[[dict[str, Any]], None]) -> None:
    data = copy.deepcopy(json.loads(found_peak().to_json()))
    assert CHECK.is_valid(data)
    change(data)
    assert not CHECK.is_valid(data)
    with pytest.raises(ValueError, match="incomplete result of a capacity search"):
        parse_peak_result(json.dumps(data))


def test_the_document_describes_every_field() -> None:
    parts = SCHEMA["$defs"]
    names = [*SCHEMA["properties"], *(name for part in parts.values() for name in part.get("properties", {}))]
    missing = [name for name in dict.fromkeys(names) if f"`{name}`" not in DOCUMENT]
    assert missing == []
