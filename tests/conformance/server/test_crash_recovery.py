"""Which case ended the server: what running them again shows, and when the suite gives up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.server.crash_bisect import LOOK_BACK, ExecutedCase
from hanami_conformance.server.crash_recovery import MOST_FAILED_SEARCHES, CrashRecovery, RecoveryError
from hanami_conformance.server.startup import ServerStartError
from hanami_reports.model.conformance import CaseResult, Outcome


class Item:
    """As much of a test as is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodeid = name

    def get_closest_marker(self, name: str) -> object:
        return name if name == "hostile" else None


class World:
    """A server, and what becomes of cases that run again on it.

    Args:
        again: Outcomes of the reruns in order, as name of the case and outcome; None for a case that passes and ends
            the server.
    """

    def __init__(self, *again: tuple[str, Outcome | None]) -> None:
        self.again = list(again)
        self.starts = 0
        self.works = True
        self.gone = ""
        self.sockets = ""
        self.said: list[str] = []
        self.server = self
        self.dialect = SimpleNamespace(workers=0)
        self.unsafe_deletions: set[str] = set()
        self.timeouts = AdaptiveTimeout(10.0)
        self.waits: list[float] = []  # the time limit of each rerun
        me: Any = self
        self.recovery = CrashRecovery(me, me, me.run_again, self.said.append)

    def tail(self) -> str:
        return f"log {self.starts}"

    def restart(self, target: object) -> None:  # noqa: ARG002 - as asked
        if not self.works:
            raise ServerStartError("the server was not ready", "boom")
        self.starts += 1

    def ended(self) -> str:
        return self.gone

    def downtime_reason(self, *, sockets: bool = False) -> str:
        gone, self.gone = self.gone, ""
        return gone or (self.sockets if sockets else "")

    def run_again(self, item: Any) -> ExecutedCase | None:
        name, outcome = self.again.pop(0)
        self.waits.append(self.timeouts.setting)
        assert item.name == name
        self.gone = "it is silent" if outcome is None else ""
        return ran(name, outcome or Outcome.PASSED)


def result(name: str, outcome: Outcome) -> CaseResult:
    if outcome is not Outcome.LOST:
        return CaseResult(name, "title", ("PROG-2",), outcome, reason="" if outcome is Outcome.PASSED else "why")
    violated = ("GEN-2", "PROG-2")
    return CaseResult(name, "title", ("PROG-2",), outcome, violated, reason="why", loss="it is silent")


def ran(name: str, outcome: Outcome) -> ExecutedCase:
    item: Any = Item(name)
    return ExecutedCase(item, result(name, outcome), CaseRecording(name))


def said_of(world: World) -> dict[str, tuple[Outcome, str]]:
    found = world.recovery.recover(ran("b", Outcome.LOST))
    assert found[-1].id == "b"
    assert world.again == []
    return {case.id: (case.outcome, case.reason) for case in found}


BEFORE = "a"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanami_conformance.server.crash_recovery.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("hanami_conformance.server.crash_bisect.CrashBisect._wait", lambda *_: None)


def test_a_process_that_ends_after_a_case_is_detected() -> None:
    world = World()
    passed = ran("a", Outcome.PASSED)
    assert world.recovery.check_process(passed) is passed
    world.gone = "its process ended with exit status 7"
    seen = world.recovery.check_process(passed)
    assert (seen.result.outcome, seen.result.violated) == (Outcome.LOST, ("GEN-2", "PROG-2"))
    assert seen.result.loss == "its process ended with exit status 7"
    assert seen.result.reason == "the target no longer answers after it: its process ended with exit status 7"


@pytest.mark.parametrize(
    ("again", "starts", "expected"),
    [
        ([("b", Outcome.LOST)], 2, {"b": (Outcome.LOST, "again when it ran alone: why")}),
        ([("b", None)], 2, {"b": (Outcome.LOST, "again when it ran alone: why")}),
        (
            [("b", Outcome.PASSED), ("a", Outcome.LOST)],
            2,
            {"a": (Outcome.LOST, "detected in b: why"), "b": (Outcome.PASSED, "")},
        ),
        (
            [("b", Outcome.FAILED), ("a", None)],
            2,
            {
                "a": (Outcome.LOST, "detected in b: the target no longer answers after it: it is silent"),
                "b": (Outcome.FAILED, "why"),
            },
        ),
        (
            [("b", Outcome.PASSED), ("a", Outcome.PASSED), ("b", Outcome.LOST)],
            2,
            {"b": (Outcome.LOST, "cause not confirmed, again after a, not when it ran alone: why")},
        ),
    ],
)
def test_the_case_that_ends_the_server_is_named(
    again: list[tuple[str, Outcome | None]], starts: int, expected: dict[str, tuple[Outcome, str]]
) -> None:
    world = World(*again)
    world.recovery.on_case_ok(ran(BEFORE, Outcome.PASSED))
    assert said_of(world) == expected
    assert world.starts == world.recovery.restarts == starts


@pytest.mark.parametrize(
    ("loss", "again", "waits"),
    [
        ("its process ended with signal 11", [Outcome.LOST], [10.0]),
        ("it takes connections and is silent", [Outcome.LOST], [4.0]),
        ("one of 4 workers is silent on websockets (socket 3)", [Outcome.LOST], [4.0]),
        ("it takes connections and is silent", [Outcome.FAILED, Outcome.LOST], [4.0, 10.0]),
    ],
)
def test_a_silence_is_confirmed_by_short_waits_and_nothing_else_is(
    loss: str, again: list[Outcome], waits: list[float]
) -> None:
    world = World(*[("b", outcome) for outcome in again])
    lost = ran("b", Outcome.LOST)
    [found] = world.recovery.recover(replace(lost, result=replace(lost.result, loss=loss)))
    assert (found.outcome, found.reason, world.waits) == (Outcome.LOST, "again when it ran alone: why", waits)
    assert world.timeouts.setting == 10.0


NOTHING = [("b", Outcome.PASSED), ("a9", Outcome.PASSED), ("b", Outcome.PASSED)]
EIGHT = [f"a{number}" for number in range(2, 10)]


def all_passed(names: list[str]) -> list[tuple[str, Outcome | None]]:
    return [(name, Outcome.PASSED) for name in names]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (  # it ends behind a8, of what a3 began
            [
                *all_passed(EIGHT[:6]),
                ("a8", None),
                *all_passed(["a5", "a6", "a7", "a8"]),
                *all_passed(["a2", "a3"]),
                ("a4", None),
                *all_passed(["a3"]),
                ("a4", Outcome.PASSED),
                ("a2", Outcome.PASSED),
            ],
            {"b": (Outcome.LOST, "cause not confirmed, again after the cases a2 to a4, not when they ran apart: why")},
        ),
        (
            [
                *all_passed(EIGHT),
                ("b", Outcome.LOST),
                *all_passed(["a6", "a7", "a8", "a9", "b"]),
                *all_passed(["a2", "a3", "a4"]),
                ("a5", Outcome.LOST),
                *all_passed(["a4", "a5"]),
                *all_passed(["a2"]),
                ("a3", None),
                ("a3", None),
            ],
            {
                "a3": (
                    Outcome.LOST,
                    "a while later, detected in b: the target no longer answers after it: it is silent",
                ),
                "b": (Outcome.PASSED, ""),
            },
        ),
        (
            [*all_passed([*EIGHT, "b"])],
            {
                "b": (
                    Outcome.LOST,
                    "cause not confirmed, neither again when it ran alone, nor after the 8 cases before it: why",
                )
            },
        ),
    ],
)
def test_a_case_that_ends_the_server_a_while_later_is_named(
    again: list[tuple[str, Outcome | None]], expected: dict[str, tuple[Outcome, str]]
) -> None:
    world = World(*NOTHING, *again)
    for name in EIGHT:
        world.recovery.on_case_ok(ran(name, Outcome.PASSED))
    assert said_of(world) == expected


def test_the_log_of_the_start_that_crashed_is_quoted() -> None:
    later = [
        *all_passed(EIGHT),
        ("b", Outcome.LOST),
        *all_passed(["a6", "a7", "a8", "a9", "b"]),
        ("a2", None),
        ("a2", None),
    ]
    world = World(*NOTHING, *later)
    for name in EIGHT:
        world.recovery.on_case_ok(ran(name, Outcome.PASSED))
    cause, lost = world.recovery.recover(ran("b", Outcome.LOST))
    assert (cause.id, lost.outcome) == ("a2", Outcome.PASSED)
    assert cause.server_log == f"log {world.starts - 1}"  # another start followed


def test_it_looks_back_so_far_and_no_further() -> None:
    names = [f"a{number}" for number in range(LOOK_BACK + 5)]
    world = World(*[(name, outcome) for name, outcome in NOTHING if name == "b"], *all_passed([*names[5:], "b"]))
    world.again.insert(1, (names[-1], Outcome.PASSED))
    for name in names:
        world.recovery.on_case_ok(ran(name, Outcome.PASSED))
    assert said_of(world)["b"][1].endswith(f"nor after the {LOOK_BACK} cases before it: why")


def test_it_does_not_look_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanami_conformance.server.crash_bisect.LOOK_BACK_SECONDS", 0.0)
    world = World(*NOTHING * (MOST_FAILED_SEARCHES + 1))
    for _ in range(MOST_FAILED_SEARCHES + 1):
        for name in EIGHT:
            world.recovery.on_case_ok(ran(name, Outcome.PASSED))
        starts = world.starts
        world.recovery.recover(ran("b", Outcome.LOST))
    assert world.starts == starts + 1  # none for looking back
    assert world.again == []


def test_the_first_case_has_none_before_it() -> None:
    world = World(("b", Outcome.PASSED))
    assert said_of(world) == {"b": (Outcome.LOST, "cause not confirmed, not when it ran again alone: why")}


def test_a_case_that_passed_and_ended_a_server_has_its_log_and_breaks_a_requirement() -> None:
    world = World(("b", Outcome.PASSED), ("a", None))
    world.recovery.on_case_ok(ran(BEFORE, Outcome.PASSED))
    (lost, _) = world.recovery.recover(ran("b", Outcome.LOST))
    assert lost.violated == ("GEN-2", "PROG-2")
    assert lost.server_log == "log 1"


def test_workers_are_probed_after_hostile_cases_with_websockets() -> None:
    world = World()
    world.gone = ""
    passed = ran("a", Outcome.PASSED)
    lost = "one of 4 workers is silent on websockets (socket 2)"
    world.sockets = lost
    assert world.recovery.check_process(passed).result.outcome is Outcome.PASSED  # without websockets
    passed.recording.channel("ws")
    passed.recording.sent = 3  # a DELETE of the clean-up
    assert world.recovery.check_process(passed).result.outcome is Outcome.PASSED  # the number of workers is not known
    world.dialect.workers = 4
    found = world.recovery.check_process(passed).result
    assert (found.outcome, found.violated, found.loss) == (Outcome.LOST, ("GEN-2", "PROG-2"), lost)


@pytest.mark.parametrize(
    ("loss", "left"),
    [("its process ended with exit status 9", {"cluster"}), ("one of 4 workers is silent on websockets", set())],
)
def test_deletions_that_crash_the_server_three_times_are_left_out(loss: str, left: set[str]) -> None:
    world = World(*[("b", Outcome.LOST)] * 3)
    for number in range(3):
        lost = ran("b", Outcome.LOST)
        lost.recording.sent = 5
        lost.recording.deleting = ("cluster", 5)
        assert world.unsafe_deletions == set(), number
        world.recovery.recover(replace(lost, result=replace(lost.result, loss=loss)))
    assert world.unsafe_deletions == left


@pytest.mark.parametrize(
    ("deleting", "violated"),
    [(("dataset", 5), ("GEN-2", "FIN-1")), (("dataset", 4), ("GEN-2",)), (("", 0), ("GEN-2",))],
)
def test_a_finding_survives_a_clean_up_that_crashes_the_server(
    deleting: tuple[str, int], violated: tuple[str, ...]
) -> None:
    world = World()
    failed = ran("b", Outcome.FAILED)
    failed.recording.sent, failed.recording.deleting = 5, deleting
    found = replace(failed.result, violated=("FIN-1",), reason="expected 200; actual 500")
    world.gone = "it is silent"
    lost = world.recovery.check_after(replace(failed, result=found))
    assert (lost.outcome, lost.violated) == (Outcome.LOST, violated)
    assert ("; before the clean-up: expected 200; actual 500" in lost.reason) is (violated != ("GEN-2",))


def test_only_a_repeated_loss_violates_the_requirement_of_the_case() -> None:
    again = World(("b", Outcome.LOST)).recovery.recover(ran("b", Outcome.LOST))[-1]
    assert again.violated == ("GEN-2", "PROG-2")
    once = World(("b", Outcome.PASSED)).recovery.recover(ran("b", Outcome.LOST))[-1]
    assert once.violated == ("GEN-2",)


def test_a_loss_that_another_parameter_repeated_is_not_repeated() -> None:
    world = World()
    (lost,) = world.recovery.recover(ran("b", Outcome.LOST), known=True)
    assert (lost.violated, lost.reason) == (("GEN-2", "PROG-2"), "as with another parameter: why")
    assert world.starts == 1


def test_the_server_is_restarted_however_often_it_is_lost() -> None:
    world = World(*[("b", Outcome.LOST)] * 40)
    for _ in range(40):
        world.recovery.recover(ran("b", Outcome.LOST))
    assert world.recovery.restarts == 80


def test_it_gives_up_where_the_server_does_not_come_back() -> None:
    world = World()
    world.works = False
    with pytest.raises(
        RecoveryError, match=r"could not be restarted: the server was not ready; the end of its log:\nboom"
    ):
        world.recovery.recover(ran("b", Outcome.LOST))
