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
        failure_key: Id of the requirement that the check itself named, empty while the violation was not reattributed.
            Shrinking identifies failures by it, because the attribution depends on earlier steps, which change.
        event: Index of the last event that was recorded before the check failed; -1 for none.
    """

    def __init__(self, expected: str, actual: str, requirement: str | None = None) -> None:
        super().__init__(f"expected {expected}; actual {actual}")
        self.expected = expected
        self.actual = actual
        self.requirement = requirement
        self.failure_key = ""
        self.event = len(current_case().events) - 1

    @property
    def checked_requirement(self) -> str | None:
        """Id of the requirement that the failed check names itself, or else of the one that was attributed to it."""
        return self.requirement if self.failure_key in ("", UNATTRIBUTED) else self.failure_key

    def reattribute(self, requirement: str) -> None:
        """Attribute the failure to another requirement, because of what happened in earlier steps."""
        self.failure_key = self.failure_key or self.requirement or UNATTRIBUTED
        self.requirement = requirement


class ResponseTimeout(Violation):
    """The target was silent until the deadline."""


class ConnectionClosed(Violation):
    """The target ended a connection that was needed, or never let it begin."""


class TooLarge(ConnectionClosed):
    """The target sent more than the suite reads, so that the suite ended the connection."""


class ErrorAnswer(Violation):
    """The target answered with an error in place of a message of the protocol."""


class PreconditionFailed(Exception):  # noqa: N818 - names what happened, like its siblings
    """A step before the step under test failed, so that nothing was judged."""


class TargetDown(Exception):  # noqa: N818
    """The target cannot be used: it is unreachable, silent, or speaks another protocol."""


class SiblingCrashed(Exception):  # noqa: N818
    """Other parameters of the same test crashed the target in the same way, so this one does not run."""


class TargetRejectedConfiguration(Exception):  # noqa: N818
    """The target rejects the credentials, the dialect or the cluster of the configuration; one line."""


class Unsupported(Exception):  # noqa: N818
    """The target or its configuration lacks something that a test needs."""
