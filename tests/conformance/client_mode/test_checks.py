"""Each check over records: it passes for a right client, and detects what its requirement forbids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.catalogue import client_catalogue
from hanami_conformance.client_mode.checks import checks
from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.judge import judge, requirements_for
from hanami_conformance.client_mode.scenario import Scenario
from hanami_reports.model.conformance import Outcome
from support.client_mistakes import (
    FIRST_DATASET,
    MISTAKES,
    begins_an_upload_twice,
    failure_with_a_right_server,
    leaves_an_upload_behind,
    training_without_an_answer,
    trains_twice,
    waits_for_what_was_rejected,
)
from support.client_records import (
    CONTENTS,
    DATASET,
    INPUT,
    OUTPUTS,
    PASSWORD,
    RecordBuilder,
    interaction,
    upload,
)

NEEDS_A_FAILURE = {
    "CLI-25",
    "CLI-27",
    "CLI-28",
    "CLI-29",
    "CLI-30",
}  # which a scenario without faults says nothing about


def violated(builder: RecordBuilder) -> set[str]:
    return {name for case in judge(builder.situation) for name in case.violated}


@pytest.mark.parametrize("right", [upload, interaction])
def test_a_right_client_violates_nothing_and_reaches_every_check(right: Callable[[], RecordBuilder]) -> None:
    builder = right()
    cases = list(judge(builder.situation))
    assert {case.outcome for case in cases} == {Outcome.PASSED}, [case.reason for case in cases]
    judged = {name for case in cases for name in case.requirements}
    assert judged == set(requirements_for(builder.scenario)) - NEEDS_A_FAILURE


EVERY = [(name, make) for name, makes in MISTAKES.items() for make in makes]


def test_there_is_a_mistake_for_every_requirement() -> None:
    assert list(MISTAKES) == list(client_catalogue())


@pytest.mark.parametrize(("requirement", "make"), EVERY, ids=[f"{name}-{make.__name__}" for name, make in EVERY])
def test_a_mistake_is_detected_under_its_requirement(requirement: str, make: Callable[[], RecordBuilder]) -> None:
    situation = make().situation
    with pytest.raises(Violation) as caught:
        checks()[requirement](situation)
    assert 0 <= caught.value.event < len(situation.record.recording.events)


ALONE = [  # mistakes that make no other one
    (name, make) for name, make in EVERY if name in ("CLI-2", "CLI-9", "CLI-15", "CLI-16", "CLI-18", "CLI-22", "CLI-30")
]


@pytest.mark.parametrize(("requirement", "make"), ALONE, ids=[make.__name__ for _, make in ALONE])
def test_a_mistake_alone_violates_no_other_requirement(requirement: str, make: Callable[[], RecordBuilder]) -> None:
    assert violated(make()) == {requirement}


def test_a_rejected_chunk_may_be_repeated_and_then_awaited() -> None:
    builder = waits_for_what_was_rejected()
    builder.send_file(INPUT, CONTENTS["input"])
    builder.progress()
    builder.put()
    assert violated(builder) == set()


def test_a_client_may_ask_for_the_progress_once_before_it_gives_up() -> None:
    builder = waits_for_what_was_rejected()
    del builder.record.requests[2:]
    builder.record.exit_status, builder.record.output = 1, "a chunk was rejected"
    builder.scenario = Scenario("mnist-x", "mnist", "a chunk is rejected", "either")
    assert violated(builder) == set()


def test_success_needs_a_confirmed_switch_back() -> None:
    builder = interaction()
    builder.record.requests[-1].status = 503
    assert violated(builder) == {"CLI-23"}
    builder.switch("TASK")
    assert violated(builder) == set()


def test_a_training_without_an_answer_may_be_given_up() -> None:
    builder = training_without_an_answer()
    assert violated(builder) == set()
    assert "CLI-29" in {name for case in judge(builder.situation) for name in case.requirements}


def test_an_upload_that_is_replaced_may_be_deleted_before_or_later() -> None:
    builder = leaves_an_upload_behind()
    deletion = builder.call("dataset.delete", {"uuid": FIRST_DATASET})
    assert violated(builder) == set()
    assert "CLI-30" in {name for case in judge(builder.situation) for name in case.requirements}
    deletion.server_status = 500
    assert violated(builder) == {"CLI-30"}


def test_two_uploads_may_both_be_finalized() -> None:
    builder = leaves_an_upload_behind()
    builder.call("mnist.finalize", {"uuid": FIRST_DATASET})
    assert "CLI-30" not in violated(builder)


def test_a_post_that_the_server_did_not_do_may_be_repeated() -> None:
    builder = begins_an_upload_twice()
    builder.record.requests[0].server_status = 0
    assert violated(builder) == set()


def test_a_client_may_give_up_after_a_lost_answer_to_its_post() -> None:
    builder = begins_an_upload_twice()
    del builder.record.requests[1:]
    builder.record.sockets.clear()
    builder.record.exit_status, builder.record.output = 1, "no answer to the POST"
    builder.scenario = Scenario("mnist-x", "mnist", "the answer is lost", "either")
    assert violated(builder) == set()
    assert "CLI-30" in {name for case in judge(builder.situation) for name in case.requirements}


def test_a_server_that_restarts_forgets_an_upload_that_is_begun_anew() -> None:
    builder = leaves_an_upload_behind()
    rules = (Rule("chunk", "restart"),)
    builder.scenario = Scenario("mnist-restart", "mnist", "the server restarts", "either", rules)
    assert "CLI-30" not in violated(builder)


def test_the_same_training_may_be_repeated_after_its_answer() -> None:
    builder = trains_twice()
    builder.record.sockets[0].answers[-1].delivered = True
    assert "CLI-29" not in violated(builder)


def test_an_acknowledgement_that_the_scenario_lost_excuses_the_client() -> None:
    builder = upload()
    lost = builder.record.sockets[0].answers[-1]
    lost.delivered, lost.is_disturbed = False, True
    assert violated(builder) == set()


def test_an_answer_that_was_lost_to_a_put_needs_a_confirmation() -> None:
    builder = upload()
    builder.record.requests[-1].status = 0
    assert violated(builder) == {"CLI-23"}
    builder.call("dataset.get", {"uuid": DATASET}, {"uuid": DATASET})
    assert violated(builder) == set()


def test_a_client_that_logs_in_may_use_its_own_token() -> None:
    builder = upload()
    builder.call("token.create", {"id": "alice", "password": PASSWORD}, {"token": "another-token"}, token=None)
    builder.call("dataset.get", {"uuid": DATASET}, token="another-token")
    assert violated(builder) == set()


def test_a_failed_workflow_is_no_violation_of_its_own_where_another_one_explains_it() -> None:
    builder = failure_with_a_right_server()
    assert violated(builder) == {"CLI-24"}
    builder.record.requests[0].body = b"{}"
    assert violated(builder) == {"CLI-10"}


def test_outputs_are_compared_in_float32() -> None:
    builder = interaction()
    builder.record.outputs = {"test_output": [value + 1e-9 for value in OUTPUTS]}
    assert violated(builder) == set()
    builder.record.outputs = {"test_output": list(reversed(OUTPUTS))}
    assert violated(builder) == {"CLI-22"}


def test_a_client_that_does_not_do_the_workflow_is_not_judged() -> None:
    builder = RecordBuilder("csv")
    builder.record.exit_status, builder.record.output = 2, "usage: client mnist\n"
    (case,) = judge(builder.situation)
    assert case.outcome is Outcome.UNSUPPORTED
    assert case.reason == "the client sent nothing (exit status 2), and printed: usage: client mnist"
    builder.call("dataset.list", {"uuid": ""})
    (case,) = [one for one in judge(builder.situation) if one.outcome is Outcome.UNSUPPORTED]
    assert case.reason.startswith("the client did not begin the workflow csv: it sent no POST for CSV (exit status 2)")


def test_a_client_that_fails_before_it_begins_a_given_workflow_is_not_passed_over() -> None:
    builder = RecordBuilder("csv")
    builder.record.exit_status, builder.record.output = 1, "KeyError: 'table'\n"
    situation = replace(builder.situation, takes_workflow=True)
    (case,) = judge(situation)
    assert case.outcome is Outcome.NOT_RUN
    assert case.reason.endswith("(exit status 1), and printed: KeyError: 'table'")
    builder.record.exit_status = 0
    assert [case.outcome for case in judge(situation)] == [Outcome.UNSUPPORTED]


def test_a_call_that_is_no_step_of_the_workflow_is_judged_all_the_same() -> None:
    builder = RecordBuilder("csv")
    builder.record.exit_status = 1
    builder.call("csv.init", {"name": "table"}, status=404).operation = ""
    wrong, unjudged = judge(builder.situation)
    assert (wrong.outcome, wrong.violated) == (Outcome.FAILED, ("CLI-3",))
    assert wrong.actual.startswith("POST /v1/csv/dataset, answered 404 ")
    assert unjudged.outcome is Outcome.UNSUPPORTED


def test_an_unknown_path_is_answered_by_the_one_that_it_may_mean() -> None:
    builder = RecordBuilder("csv")
    request = builder.call("csv.init", {"name": "table"}, status=404)
    request.operation, request.target = "", "/v2/csv/data_set"
    with pytest.raises(Violation) as caught:
        checks()["CLI-3"](builder.situation)
    assert caught.value.actual.endswith("; the protocol has POST /v1/csv/dataset")


def test_a_scenario_that_did_not_occur_is_not_judged() -> None:
    builder = upload()
    rules = (Rule("token.create", "answer", times=0, status=401),)
    builder.scenario = Scenario("mnist-login", "mnist", "the login is rejected", "fail", rules)
    (case,) = judge(builder.situation)
    assert case.outcome is Outcome.UNSUPPORTED
    assert "token.create" in case.reason
