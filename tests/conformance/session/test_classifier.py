"""Outcomes of cases: what a case that ended, and the state of the target, make of it."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import (
    MissingAnswer,
    PreconditionFailed,
    SiblingCrashed,
    TargetDown,
    Violation,
)
from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.session.classifier import CaseClassifier
from hanami_reports.model.conformance import CaseResult, Outcome

DOWN = "its process was ended by signal 11 (SIGSEGV)"


class Target:
    """A target that is down or not."""

    dialect = SimpleNamespace(name="documented")
    endpoint = SimpleNamespace(place=("127.0.0.1", 9))

    def __init__(self, loss: str, lacking: str) -> None:
        self.loss = loss
        self.lacking = lacking

    def machine_shortage(self) -> str:
        return self.lacking

    def close_connections(self) -> None: ...

    def downtime_reason(self) -> str:
        return self.loss

    def disconnect_reason(self, failure: str) -> str:  # noqa: ARG002 - as asked
        return ""


def of_value(violation: Violation) -> Violation:
    """A failure that belongs to a value of its row, where the target is up."""
    violation.attribute_to_value("DATA-2")
    return violation


def classified(
    error: BaseException | None = None,
    *,
    loss: str = "",
    lacking: str = "",
    when: str = "call",
    requirements: tuple[str, ...] = ("ATT-4", "ATT-5"),
    **recorded: Any,
) -> CaseResult:
    target: Any = Target(loss, lacking)
    classifier = CaseClassifier(target)
    recording = CaseRecording("f::t", sent=1, checks=1, **recorded)
    classifier.begin(recording, "title", requirements)
    call: Any = SimpleNamespace(when=when, excinfo=None if error is None else SimpleNamespace(value=error))
    report: Any = SimpleNamespace(outcome="passed", longrepr="", fspath="f")
    classifier.phase(call, report)
    result = classifier.end()
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("error", "when", "recorded", "violated"),
    [
        (Violation("a", "b"), "call", {}, ("GEN-2", "ATT-4")),
        (Violation("a", "b", "ATT-2"), "call", {}, ("GEN-2", "ATT-2")),
        (Violation("a", "b", "ATT-1"), "call", {}, ("GEN-2", "ATT-4")),  # no handshake, because the target is down
        (Violation("a", "b", "ATT-1"), "call", {"sequences": 3}, ("GEN-2",)),
        (Violation("a", "b"), "call", {"sequences": 3}, ("GEN-2",)),
        (Violation("a", "b", "DIO-1"), "call", {"sequences": 3}, ("GEN-2", "DIO-1")),
        (MissingAnswer("a", "b", "DIO-1"), "call", {}, ("GEN-2", "ATT-4")),
        (MissingAnswer("a", "b", "DIO-1"), "call", {"sequences": 3}, ("GEN-2", "DIO-1")),
        (of_value(Violation("a", "b", "FIN-1")), "call", {"sequences": 3}, ("GEN-2", "FIN-1")),
        (of_value(Violation("a", "b")), "call", {"sequences": 3}, ("GEN-2",)),
        (PreconditionFailed("no cluster"), "call", {}, ("GEN-2",)),
        (Violation("a", "b"), "setup", {}, ("GEN-2",)),
        (None, "call", {"dropped": True}, ("GEN-2", "ATT-4")),
        (None, "call", {"dropped": True, "sequences": 3}, ("GEN-2",)),
    ],
)
def test_the_requirements_that_a_lost_target_violates(
    error: Exception | None, when: str, recorded: dict[str, Any], violated: tuple[str, ...]
) -> None:
    result = classified(error, loss=DOWN, when=when, **recorded)
    assert (result.outcome, result.violated, result.loss) == (Outcome.LOST, violated, DOWN)
    assert result.reason.startswith(f"the target no longer answers: {DOWN}; before that: ")


def test_a_requirement_that_only_observes_is_not_violated_by_a_lost_target() -> None:
    assert classified(Violation("a", "b"), loss=DOWN, requirements=("ATT-8",)).violated == ("GEN-2",)
    assert classified(dropped=True, loss=DOWN, requirements=("ATT-8",)).violated == ("GEN-2",)


def test_a_case_of_handshakes_that_loses_the_target_is_about_them() -> None:
    result = classified(Violation("a", "b", "ATT-1"), loss=DOWN, requirements=("ATT-1",))
    assert result.violated == ("GEN-2", "ATT-1")


def test_a_dropped_socket_is_a_rejection_where_the_target_is_up() -> None:
    result = classified(dropped=True)
    assert (result.outcome, result.violated, result.exchange) == (Outcome.PASSED, (), ())


def test_a_violation_that_names_a_requirement_violates_it_in_every_case() -> None:
    assert classified(Violation("a", "b", "FIN-1")).violated == ("FIN-1",)
    assert classified(Violation("a", "b")).violated == ("ATT-4",)


def test_a_case_whose_siblings_crashed_the_target_is_skipped() -> None:
    result = classified(SiblingCrashed("two others lost the target alike"), when="setup")
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "two others lost the target alike")


def caused_by(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


NO_DESCRIPTORS = OSError(errno.EMFILE, "Too many open files")


@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
@pytest.mark.parametrize(
    ("error", "named"),
    [
        (caused_by(TargetDown("no connection"), NO_DESCRIPTORS), "no file descriptor"),
        (caused_by(PreconditionFailed("no cluster"), NO_DESCRIPTORS), "no file descriptor"),
        (caused_by(Violation("a", "b", "DIO-1"), NO_DESCRIPTORS), "no file descriptor"),
        (MemoryError(), "no memory"),
        (MachineShortage("no local port is left"), "no local port"),
    ],
)
def test_what_this_machine_lacks_violates_nothing(error: BaseException, when: str, named: str) -> None:
    result = classified(error, when=when, loss=DOWN)
    assert (result.outcome, result.violated, result.loss) == (Outcome.ERROR, (), "")
    assert result.reason.startswith(f"this machine lacks what the run needs: {named}")


@pytest.mark.parametrize("error", [Violation("a", "b", "DIO-1"), TargetDown("silent"), PreconditionFailed("a")])
def test_what_the_machine_of_the_server_lacks_violates_nothing(error: BaseException) -> None:
    result = classified(error, lacking="no space is left on the disk of /tmp", loss=DOWN)
    assert (result.outcome, result.violated, result.loss) == (Outcome.ERROR, (), "")
    assert result.reason == "this machine lacks what the run needs: no space is left on the disk of /tmp"


def test_a_target_that_cannot_be_reached_at_all_is_no_lack_of_ports() -> None:
    nowhere = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Target.endpoint, "place", ("255.255.255.255", 9))  # this machine has no way to it
        result = classified(caused_by(TargetDown("no connection"), nowhere), loss=DOWN)
    assert result.outcome is Outcome.LOST
