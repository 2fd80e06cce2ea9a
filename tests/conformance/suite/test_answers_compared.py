"""Answers that change by themselves violate DIO-7, and no other requirement can be judged by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hanami_conformance.cases.failures import DifferentAnswer, ResponseTimeout, Unsupported, Violation
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.clients.cluster_messages import InputMessage, Values
from hanami_conformance.suite.support import clusters, overlap
from hanami_conformance.suite.support.clusters import expect_same
from hanami_conformance.suite.support.overlap import expect_explained, new_cluster
from hanami_conformance.suite.support.sample_data import ONE_BRICK

Outputs = dict[str, Values]
Answer = Callable[[float], float]


class Cluster:
    """A socket of a cluster that computes its answers with a function."""

    shape = ONE_BRICK

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def request(self, messages: list[InputMessage]) -> Outputs:
        return outputs(self.answer(float(messages[0].values.sum())))


def outputs(value: float) -> Outputs:
    return {"test_output": np.full(5, value, dtype=np.float32)}


class Comparison:
    """Comparisons of answers on a target where another cluster computes its answers with a function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def differ(
        self, answer: Answer, requirement: str | None = None, *, other: Answer | None = None, given: bool = False
    ) -> None:
        """Compare different answers.

        Args:
            answer: Answers of the cluster of the case.
            requirement: Requirement that a difference violates.
            other: Answers of a new cluster, the same as of the cluster of the case if None.
            given: Whether the target has an existing cluster, so that no other is created.
        """
        target = SimpleNamespace(given_cluster="a cluster" if given else None, close_connections=lambda: None)
        self._monkeypatch.setattr(clusters, "trained_cluster", lambda *_: (None, Cluster(other or answer)))
        resources: Any = SimpleNamespace(target=target)
        socket: Any = Cluster(answer)
        expect_same(resources, socket, outputs(0.1), outputs(0.2), "the answer as before", requirement)

    def violated(self, answer: Answer, requirement: str | None = None, **arguments: Any) -> str | None:
        """Return the requirement that different answers violate."""
        with pytest.raises(Violation, match="the answer as before") as caught:
            self.differ(answer, requirement, **arguments)
        return caught.value.requirement


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> Comparison:
    return Comparison(monkeypatch)


def stable(value: float) -> float:
    return value


def drifting() -> Answer:
    drift: Iterator[int] = iter(range(1000))
    return lambda value: value + next(drift)


def silent(_value: float) -> float:
    raise ResponseTimeout("an answer", "nothing")


def test_a_difference_violates_the_requirement_of_the_case(comparison: Comparison) -> None:
    assert comparison.violated(stable) is None
    assert comparison.violated(stable, "DIO-9") == "DIO-9"


@pytest.mark.parametrize("requirement", [None, "DIO-9"])
@pytest.mark.parametrize("given", [False, True])
def test_nothing_is_judged_by_answers_that_change_by_themselves(
    comparison: Comparison, requirement: str | None, given: bool
) -> None:
    with pytest.raises(Unsupported, match="which violates DIO-7"):
        comparison.differ(drifting(), requirement, given=given)


def test_answers_that_change_only_after_what_the_case_did_violate_its_requirement(comparison: Comparison) -> None:
    assert comparison.violated(drifting(), "DIO-11", other=stable) == "DIO-11"


def test_a_case_of_dio_7_fails_for_answers_that_change_by_themselves(comparison: Comparison) -> None:
    assert comparison.violated(drifting(), "DIO-7") == "DIO-7"


def test_where_another_cluster_does_not_answer_the_case_is_judged(comparison: Comparison) -> None:
    assert comparison.violated(stable, other=silent) is None


def test_equal_answers_are_not_asked_for_again() -> None:
    nothing: Any = None
    expect_same(nothing, nothing, outputs(0.2), outputs(0.2), "the answer as before")


@pytest.mark.parametrize(("answer", "raised"), [(drifting(), Unsupported), (stable, DifferentAnswer)])
def test_overlapping_cycles_are_not_judged_by_answers_that_change_by_themselves(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, raised: type[Exception]
) -> None:
    def execute(*_: Any) -> None:
        raise DifferentAnswer("an order", "another output", "MODE-1")

    monkeypatch.setattr(overlap, "execute", execute)
    monkeypatch.setattr(clusters, "trained_cluster", lambda *_: (None, Cluster(answer)))
    target = SimpleNamespace(given_cluster=None, close_connections=lambda: None)
    resources: Any = SimpleNamespace(target=target)
    begin_case("f::t")
    try:
        with pytest.raises(raised, match="which violates DIO-7" if raised is Unsupported else "another output"):
            expect_explained(resources, [new_cluster()], [(0, 0)])
    finally:
        end_case()
