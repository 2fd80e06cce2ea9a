"""What is measured in a stage, and the limits of one: by when a message was scheduled."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_loadtests.engine.failures import NoAnswer
from hanami_loadtests.engine.recorder import Recorder, Stopwatch
from hanami_loadtests.stages.judging import judge_stages
from hanami_loadtests.stages.plan import read_plan
from hanami_reports.model.load import RunState

PLAN = """
[[stage]]
kind = "step"
seconds = 10
users = 1
[[stage]]
kind = "soak"
seconds = 10
[[stage.limit]]
metric = "response"
of = "message"
statistic = "max"
at_most = "1 s"
[[stage.limit]]
metric = "unanswered"
at_most = 0
[[stage]]
kind = "step"
seconds = 10
"""
WARM_UP = 2.0


def recorded() -> Recorder:
    """A message scheduled in each second, answered after 0.5 s; that of 18 s after 4 s, in the next stage."""
    now = [0.0]
    recorder = Recorder(origin=WARM_UP, clock=lambda: now[0], stage_ends=[10.0, 20.0, 30.0])
    for second in range(30):
        watch = Stopwatch(float(second), float(second))
        recorder.sent("message", watch)
        now[0] = second + (4.0 if second == 18 else 0.5)
        if second == 25:
            recorder.unanswered("message", watch, NoAnswer("no answer"))
        else:
            recorder.succeeded("message", watch, up=1, answered=now[0])
    recorder.unsent("message", [9.5, 10.5])
    return recorder


def test_a_message_belongs_to_the_stage_for_which_it_was_scheduled(tmp_path: Path) -> None:
    (tmp_path / "stages.toml").write_text(PLAN, encoding="utf-8")
    recorder = recorded()
    stages, limits = judge_stages(
        read_plan(tmp_path / "stages.toml"), recorder.stages, recorder.series, None, warm_up=WARM_UP, seconds=28.0
    )
    counts = [(one.series["message"].sent, one.series["message"].unsent) for one in stages]
    assert counts == [(8, 1), (10, 1), (10, 0)], "the warm-up is not measured"
    assert [(one.begin, one.end) for one in stages] == [(0, 8), (8, 18), (18, 28)]
    assert [(one.selector, one.metric, one.state) for one in limits] == [
        ("soak 2: message", "response", RunState.FAIL),
        ("soak 2: *", "unanswered", RunState.PASS),
    ]
    assert stages[2].series["message"].unanswered == 1
    total = recorder.series["message"]
    for count in ("sent", "succeeded", "unsent", "unanswered", "bytes_up"):
        assert sum(getattr(one.series["message"], count) for one in stages) == getattr(total, count)
    assert sum(one.series["message"].response.count for one in stages) == total.response.count


@pytest.mark.parametrize(("seconds", "reached"), [(5.0, 1), (12.0, 2), (18.0, 2)])
def test_stages_that_were_not_reached_are_left_out(tmp_path: Path, seconds: float, reached: int) -> None:
    (tmp_path / "stages.toml").write_text(PLAN, encoding="utf-8")
    plan = read_plan(tmp_path / "stages.toml")
    stages, limits = judge_stages(plan, [], {}, None, warm_up=WARM_UP, seconds=seconds)
    assert len(stages) == reached
    assert stages[-1].end == seconds
    assert len(limits) == (2 if reached > 1 else 0)


def test_the_stages_of_several_processes_are_added() -> None:
    total = Recorder()
    for _ in range(2):
        recorder = recorded()
        first = recorder.take_delta()
        assert recorder.stages == []
        total.add(first)
    assert [one["message"].sent for one in total.stages] == [16, 20, 20]
