"""What failed before a case is no effect of the case; what an earlier case ended is not what never worked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from hanami_conformance.cases.attribution import attribute_to, precondition
from hanami_conformance.cases.failures import ConnectionClosed, PreconditionFailed, Violation
from hanami_conformance.cases.preparations import MOST_RETRIES, PREPARATIONS
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.executors.rest_calls import RestCallExecutor
from hanami_conformance.suite.support.bystander import SERVING, try_preparations
from support.sequences import answers_changed, with_status

WHAT = "making a cake"


@pytest.fixture(autouse=True)
def new_run() -> Iterator[None]:
    PREPARATIONS.reset()
    yield
    PREPARATIONS.reset()


def prepare(*, works: bool, named: str | None = None) -> None:
    with precondition(WHAT):
        if not works:
            raise Violation("a cake", "none", named)


def fail_after_a_mistake(suspect: str = "GEN-4") -> str | None:
    """Return the requirement that a case violates which sends a mistake, and then prepares something in vain."""
    with pytest.raises((Violation, PreconditionFailed)) as caught, attribute_to(suspect):
        prepare(works=False)
    return caught.value.requirement if isinstance(caught.value, Violation) else "blocked"


def fail_alone() -> None:
    with pytest.raises(PreconditionFailed):
        prepare(works=False)


def test_what_worked_until_then_is_the_effect_of_the_case() -> None:
    assert fail_after_a_mistake() == "GEN-4", "nothing is known of it"
    prepare(works=True)
    assert fail_after_a_mistake() == "GEN-4"


def test_what_never_worked_is_no_effect_of_a_case() -> None:
    fail_alone()
    assert fail_after_a_mistake() == "blocked"
    prepare(works=True)
    assert fail_after_a_mistake() == "GEN-4"


def test_what_an_earlier_case_has_ended_violates_that_no_input_ends_the_server() -> None:
    """No requirement was found violated when it ended."""
    prepare(works=True)
    fail_alone()
    assert fail_after_a_mistake() == "GEN-2"


def test_what_a_violation_has_ended_is_attributed_to_it_until_it_works_again() -> None:
    """A server that a silent client blocks for ever violates one requirement, in whatever case it is seen."""
    prepare(works=True)
    assert fail_after_a_mistake("GEN-4") == "GEN-4"
    assert fail_after_a_mistake("MODE-2") == "GEN-4"
    prepare(works=True)
    assert fail_after_a_mistake("MODE-2") == "MODE-2"
    assert fail_after_a_mistake("GEN-4") == "MODE-2"
    PREPARATIONS.forget_failures()
    assert fail_after_a_mistake("GEN-4") == "GEN-4"


def test_a_restarted_server_is_not_held_to_what_failed_before() -> None:
    fail_alone()
    PREPARATIONS.forget_failures()
    assert fail_after_a_mistake() == "GEN-4"


def test_a_failure_that_lasts_keeps_the_requirement_that_its_check_names() -> None:
    for requirement in ("GEN-4", "ATT-1"):  # the first time it is the effect of the case
        with pytest.raises(Violation) as caught, attribute_to("GEN-4"), precondition(WHAT, keep_named=True):
            raise Violation("a websocket", "none", "ATT-1")
        assert caught.value.requirement == requirement


def test_what_failed_is_tried_again_before_cases_until_it_has_failed_often() -> None:
    assert not PREPARATIONS.need_retry("")
    assert PREPARATIONS.need_retry(SERVING), "it was never tried"
    PREPARATIONS.note(SERVING, worked=True)
    assert not PREPARATIONS.need_retry(SERVING)
    fail_alone()
    assert [PREPARATIONS.need_retry(SERVING) for _ in range(MOST_RETRIES + 2)] == [True] * MOST_RETRIES + [False] * 2
    prepare(works=True)
    assert not PREPARATIONS.need_retry("")
    fail_alone()
    assert PREPARATIONS.need_retry("")


def test_what_never_works_does_not_keep_from_trying_again_what_worked() -> None:
    """Otherwise the second of two cases that block others for a while would be excused by the first."""
    fail_alone()
    while PREPARATIONS.need_retry(""):
        pass
    PREPARATIONS.note(SERVING, worked=True)
    PREPARATIONS.note(SERVING, worked=False)
    assert PREPARATIONS.need_retry("")


def test_preparations_are_tried_apart_from_each_other(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_preparations(resources)
    assert PREPARATIONS.has_worked(SERVING)
    assert PREPARATIONS.has_worked("attaching to a cluster")
    answers_changed(
        monkeypatch,
        lambda method, path, answer: (
            with_status(200, 500)(method, path, answer) if "/csv/" in path and method == "POST" else answer
        ),
    )
    PREPARATIONS.reset()
    try_preparations(resources)
    assert PREPARATIONS.is_failing(SERVING)
    assert PREPARATIONS.is_failing("beginning a csv upload")
    assert PREPARATIONS.has_worked("attaching to a cluster")
    resources.clean()


def test_a_usual_handshake_that_fails_violates_that_a_websocket_opens(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one that fails is the effect of what the case did; those after it are not, nor is an unusual one."""

    def reject(*_arguments: object) -> None:
        raise ConnectionClosed("a websocket", "handshake rejected")

    def attributed(headers: dict[str, str] | None = None, suspect: str = "GEN-4") -> str | None:
        websocket = resources.target.websocket()
        with pytest.raises(ConnectionClosed) as caught, attribute_to(suspect) if suspect else nullcontext():
            websocket.open(headers)
        return caught.value.requirement

    monkeypatch.setattr(WebSocket, "_open", reject)
    assert attributed({"Origin": "x"}, "") is None
    assert attributed() == "GEN-4"
    assert attributed() == "ATT-1"
    assert attributed(suspect="") == "ATT-1"
    monkeypatch.undo()
    resources.target.websocket().open()
    monkeypatch.setattr(WebSocket, "_open", reject)
    assert attributed() == "GEN-4", "it worked in between"


def test_the_end_of_a_sequence_without_steps_tries_the_cluster(resources: ResourceFactory) -> None:
    """What the end of every sequence uses must have worked without any step before it."""
    executor = RestCallExecutor(resources, [resources.target.account])
    executor.execute([])
    assert executor.mode
    resources.clean()
