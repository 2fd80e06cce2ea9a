"""The input models are complete, and their rows hold every pair of values that can meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.catalogue import catalogue
from hanami_conformance.clients.http_forms import FRAMINGS, MEDIA_TYPES, SEGMENTS, SPELLINGS
from hanami_conformance.clients.json_forms import JSON_FORMS
from hanami_conformance.clients.websocket_forms import FRAMES, HANDSHAKES
from hanami_conformance.clients.websocket_forms import SEGMENTS as MESSAGE_SEGMENTS
from hanami_conformance.combinations.coverage import Cause, CoverageLog
from hanami_conformance.combinations.covering_rows import COSTLY, plan_rows
from hanami_conformance.combinations.input_model import MODELS, Choice, describe, load_model, pairs_of
from hanami_conformance.models.special_tables import PLACES, SPECIAL_NUMBERS
from hanami_conformance.stateful.execute import EXECUTORS
from hanami_conformance.stateful.executors import cluster_rows, row, upload_rows
from hanami_conformance.target.conditions import CONDITIONS

# Tables of the executors and clients, in which each value of a dimension must stand.
TABLES: dict[str, Any] = {
    "body": FRAMINGS,
    "segments": SEGMENTS,
    "headers": SPELLINGS,
    "media type": MEDIA_TYPES,
    "json": JSON_FORMS,
    "first message": JSON_FORMS,
    "handshake": HANDSHAKES,
    "frames": FRAMES,
    "first frames": FRAMES,
    "first segments": MESSAGE_SEGMENTS,
    "message segments": MESSAGE_SEGMENTS,
    "name": row.NAMES,
    "in flight": {**upload_rows.IN_FLIGHT, "the cycle": 0, "two cycles": 0},
    "place": PLACES,
    "files": upload_rows.FILES,
    "number": {**SPECIAL_NUMBERS, **cluster_rows.NUMBERS},
    "encoding": {"usual": "", **upload_rows.ENCODINGS, **cluster_rows.ENCODINGS},
}
SECOND_USER = "needs a second user"


@pytest.mark.parametrize("name", MODELS)
def test_every_value_is_known_to_its_executor(name: str) -> None:
    model = load_model(name)
    assert name in EXECUTORS
    for dimension in model.dimensions:
        assert dimension.meaning
        assert dimension.requirement in ("", *catalogue())
        assert (dimension.plain.needs, dimension.plain.numbers, dimension.plain.costly) == ("", (), False)
        for value in dimension.values:
            assert value.requirement in ("", *catalogue())
            assert value.needs in ("", *CONDITIONS), value
            assert value.name in TABLES.get(dimension.name, [value.name]), (dimension.name, value.name)
            for other, companion in value.companions.items():
                assert model.dimension(other).value(companion)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_the_rows_hold_every_pair_that_can_meet(name: str, deep: bool) -> None:
    model = load_model(name)
    left_out = {
        Choice(dimension.name, value.name): SECOND_USER
        for dimension in model.dimensions
        for value in dimension.values
        if "second user" in value.needs
    }
    plan = plan_rows(model, left_out, deep=deep)
    assert plan.rows[0] == ()
    met = set().union(*(pairs_of(model.row(steps)) for steps in plan.rows))
    for pair in model.pairs():
        reason = plan.exclusion(*pair)
        assert (pair in met) or reason, pair
        if reason == SECOND_USER or model.exclusion({one.dimension: one.value for one in pair}):
            assert pair not in met, pair
        if reason == COSTLY:
            assert not deep


def test_groups_are_covered_by_triples_in_the_profile_deep() -> None:
    model = load_model("listing")
    (group,) = model.groups
    plan = plan_rows(model, {}, deep=True)
    met = {tuple(model.row(steps)[name] for name in group[:3]) for steps in plan.rows}
    assert len(met) == len(
        {
            (one.name, other.name, third.name)
            for one in model.dimension(group[0]).values
            for other in model.dimension(group[1]).values
            for third in model.dimension(group[2]).values
        }
    )


def test_rows_depend_on_the_seed_alone() -> None:
    model = load_model("table")
    first, other = plan_rows(model, {}, seed=1), plan_rows(model, {}, seed=2)
    assert first.rows != other.rows
    assert first.rows == plan_rows(model, {}, seed=1).rows


def test_each_row_with_a_class_of_numbers_takes_the_next_number() -> None:
    model = load_model("table")
    numbers = [
        step.arguments["number"]
        for steps in plan_rows(model, {}).rows
        for step in steps
        if (step.action, step.arguments["value"]) == ("rows", "about 2^n")
    ]
    known = model.dimension("rows").value("about 2^n").numbers
    assert numbers == [known[index % len(known)] for index in range(len(numbers))]
    assert {255, 256, 257} <= set(numbers)


def test_a_step_that_the_model_lacks_is_named() -> None:
    model = load_model("table")
    with pytest.raises(SequenceError, match="no such dimension, choose one of connection"):
        model.row([Step("color", {"value": "red"})])
    with pytest.raises(SequenceError, match="no value 'split', choose one of sized"):
        model.row([Step("body", {"value": "split"})])


STEPS = (Step("body", {"value": "one chunk"}), Step("rows", {"value": "about 2^n", "number": 257}))


def test_a_row_is_described_by_what_is_not_plain() -> None:
    assert describe(STEPS) == "body = one chunk and rows = about 2^n (257), all else plain"
    assert describe(()) == "everything plain"


def test_a_cause_is_in_every_row_that_has_its_values() -> None:
    cause = Cause(STEPS, Violation("a", "b"))
    more = (*STEPS[:1], Step("rows", {"value": "about 2^n", "number": 33}), Step("order", {"value": "descending"}))
    assert cause.is_in(more)
    assert not cause.is_in(more[1:])
    assert [step.action for step in cause.without(more)] == ["order"]


def test_coverage_counts_rows_of_cases_with_a_verdict_alone() -> None:
    model = load_model("listing")
    log = CoverageLog({"listing": plan_rows(model, {})})
    log.executed["judged"].append(
        ("listing", (Step("body", {"value": "one chunk"}), Step("json", {"value": "indented"})))
    )
    log.executed["blocked"].append(
        ("listing", (Step("body", {"value": "one chunk"}), Step("json", {"value": "escaped"})))
    )
    log.left_out["listing"].append(
        ((Step("body", {"value": "one chunk"}), Step("json", {"value": "escaped"})), "no time")
    )
    (coverage,) = log.coverage({"judged"})
    assert coverage.rows == 1
    assert coverage.covered == len(model.dimensions) * (len(model.dimensions) - 1) // 2
    assert coverage.pairs == coverage.covered + sum(
        len(entry.others) for entry in (*coverage.missing, *coverage.excluded)
    )
    reasons = {
        pair: entry.reason
        for entry in (*coverage.missing, *coverage.excluded)
        for pair in map(frozenset, _pairs(entry))
    }
    assert frozenset({"body = one chunk", "json = indented"}) not in reasons
    assert reasons[frozenset({"body = one chunk", "json = escaped"})] == "no time"
    assert reasons[frozenset({"body = one chunk", "headers = upper case"})] == COSTLY
    assert replace(coverage, missing=()).possible == coverage.covered


def _pairs(entry: Any) -> list[tuple[str, str]]:
    return [(entry.value, other) for other in entry.others]
