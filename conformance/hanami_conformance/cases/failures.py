"""Ways in which a case can fail, or cannot be judged."""

from __future__ import annotations

from hanami_conformance.cases.recording import current_case

UNATTRIBUTED = "unattributed"  # failure key of a violation that names no requirement


class Violation(AssertionError):  # noqa: N818 - the field's word
    """The target did not do what a requirement asks for.

    Attributes:
        expected: What the requirement asks for.
        actual: What the target did instead.
        requirement: Id of the violated requirement; None for the one that the test names first.
        lasting: Whether the step failed before as well, so that nothing that happened in between is the cause.
        failure_key: Id of the requirement that the check itself named, empty while the violation was not reattributed.
            Shrinking identifies failures by it, because the attribution depends on earlier steps, which change.
        requirement_if_lost: Id of the violated requirement if the check failed because the target was lost: that of the
            operation without an answer. None where several operations had none, so that the cause is not known.
        event: Index of the last event that was recorded before the check failed; -1 for none.
    """

    def __init__(self, expected: str, actual: str, requirement: str | None = None) -> None:
        super().__init__(f"expected {expected}; actual {actual}")
        self.expected = expected
        self.actual = actual
        self.requirement = requirement
        self.lasting = False
        self.failure_key = ""
        self.event = len(current_case().events) - 1
        self.requirement_if_lost = requirement

    @property
    def checked_requirement(self) -> str | None:
        """Id of the requirement that the failed check names itself, or else of the one that was attributed to it."""
        return self.requirement if self.failure_key in ("", UNATTRIBUTED) else self.failure_key

    def with_actual(self, actual: str) -> Violation:
        """Return the same failure with another text for what the target did."""
        violation = type(self)(self.expected, actual, self.requirement)
        violation.failure_key, violation.event, violation.lasting = self.failure_key, self.event, self.lasting
        violation.requirement_if_lost = self.requirement_if_lost
        return violation

    def reattribute(self, requirement: str) -> None:
        """Attribute the failure to another requirement, because of what happened in earlier steps.

        A failure that lasts since before them keeps the requirement that the failed check names.
        """
        if self.lasting and self.requirement is not None:
            return
        self.failure_key = self.failure_key or self.requirement or UNATTRIBUTED
        self.requirement = self.requirement_if_lost = requirement

    def attribute_to_value(self, requirement: str) -> None:
        """Attribute the failure to the requirement of a value of a row, unless the target was lost.

        A row is not reduced after a loss, so that none of its values is known to be the cause.
        """
        if_lost = self.requirement_if_lost
        self.reattribute(requirement)
        self.requirement_if_lost = if_lost


class ResponseTimeout(Violation):
    """The target was silent until the deadline."""


class MissingAnswer(Violation):
    """An operation that overlapped others has no answer; where the target was lost, the loss is the reason."""


class DifferentAnswer(Violation):
    """A request got another answer than before, which overlapping operations do not explain.

    It says nothing where the answers of clusters change by themselves.
    """


class ConnectionClosed(Violation):
    """The target ended a connection that was needed, or never let it begin."""


class TooLarge(ConnectionClosed):
    """The target sent more than the suite reads, so that the suite ended the connection."""


class ErrorAnswer(Violation):
    """The target answered with an error in place of a message of the protocol."""


class PreconditionFailed(Exception):  # noqa: N818 - names what happened, like its siblings
    """A step before the step under test failed, so that nothing was judged.

    Attributes:
        what: Preparation that failed, as the run remembers it.
        lasting: Whether the step failed in an earlier case as well, so that nothing in this one is the cause.
        worked: Whether the step worked earlier in the run, so that something in an earlier case is.
    """

    def __init__(self, text: str, what: str = "", *, lasting: bool = False, worked: bool = False) -> None:
        super().__init__(text)
        self.what = what
        self.lasting = lasting
        self.worked = worked


class TargetDown(Exception):  # noqa: N818
    """The target cannot be used: it is unreachable, silent, or speaks another protocol."""


class SiblingCrashed(Exception):  # noqa: N818
    """Other parameters of the same test crashed the target in the same way, so this one does not run."""


class TargetRejectedConfiguration(Exception):  # noqa: N818
    """The target rejects the credentials, the dialect or the cluster of the configuration; one line."""


class Unsupported(Exception):  # noqa: N818
    """The target or its configuration lacks something that a test needs."""
