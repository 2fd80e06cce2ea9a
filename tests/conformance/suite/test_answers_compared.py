"""Answers that change by themselves violate DIO-7, and no other requirement can be judged by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hanami_conformance.cases.failures import ResponseTimeout, Unsupported, Violation
from hanami_conformance.clients.cluster_messages import InputMessage, Values
from hanami_conformance.suite.support.clusters import expect_same
from hanami_conformance.suite.support.sample_data import ONE_BRICK

Outputs = dict[str, Values]


class Cluster:
    """A socket of a cluster that computes its answers with a function."""

    shape = ONE_BRICK

    def __init__(self, answer: Callable[[float], float]) -> None:
        self.answer = answer

    def request(self, messages: list[InputMessage]) -> Outputs:
        return outputs(self.answer(float(messages[0].values.sum())))


def outputs(value: float) -> Outputs:
    return {"test_output": np.full(5, value, dtype=np.float32)}


def violated(answer: Callable[[float], float], requirement: str | None = None) -> str | None:
    with pytest.raises(Violation, match="the answer as before") as caught:
        expect_same(Cluster(answer), outputs(0.1), outputs(0.2), "the answer as before", requirement)  # type: ignore[arg-type]
    return caught.value.requirement


def test_a_difference_violates_the_requirement_of_the_case() -> None:
    assert violated(lambda value: value) is None
    assert violated(lambda value: value, "DIO-9") == "DIO-9"


def drifting() -> Callable[[float], float]:
    drift: Iterator[int] = iter(range(1000))
    return lambda value: value + next(drift)


@pytest.mark.parametrize("requirement", [None, "DIO-9"])
def test_nothing_is_judged_by_answers_that_change_by_themselves(requirement: str | None) -> None:
    with pytest.raises(Unsupported, match="which violates DIO-7"):
        expect_same(Cluster(drifting()), outputs(0.1), outputs(0.2), "the answer as before", requirement)  # type: ignore[arg-type]


def test_a_case_of_dio_7_fails_for_answers_that_change_by_themselves() -> None:
    assert violated(drifting(), "DIO-7") == "DIO-7"


def test_a_cluster_that_does_not_answer_again_is_judged_by_the_case() -> None:
    def silent(_value: float) -> float:
        raise ResponseTimeout("an answer", "nothing")

    assert violated(silent) is None


def test_equal_answers_are_not_asked_for_again() -> None:
    def asked(_value: float) -> float:
        raise AssertionError

    expect_same(Cluster(asked), outputs(0.2), outputs(0.2), "the answer as before")  # type: ignore[arg-type]
