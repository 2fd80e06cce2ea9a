"""The verdict of a fault that could not be injected as planned: whose failure it is."""

from __future__ import annotations

import pytest

from hanami_loadtests.engine.fault_times import FaultTime
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.faults.fault import Fault
from hanami_loadtests.faults.judging import judge_faults
from hanami_reports.model.load import RunState


@pytest.mark.parametrize(
    ("is_target_failure", "state", "text"),
    [
        (True, RunState.FAIL, "never recovered: it does not start"),
        (False, RunState.INVALID, "it does not start"),  # this machine's, such as a log that cannot be written
    ],
)
def test_a_problem_is_a_failure_of_the_target_only_where_it_is_the_reason(
    is_target_failure: bool, state: RunState, text: str
) -> None:
    time = FaultTime(5.0, 10.0, end=6.0, has_begun=True, problem="it does not start")
    time.is_target_failure = is_target_failure
    fault = Fault("a", "kill", 5.0, 1.0)
    results, limits = judge_faults([fault], [time], Recorder(origin=0.0), lambda _: 1.0, origin=0.0, seconds=20.0)
    assert [(one.recovery, one.explanation) for one in results] == [(None, "it does not start")]
    assert [(one.state, one.explanation) for one in limits] == [(state, text)]
