"""Ways in which a case can fail, or cannot be judged."""

from __future__ import annotations

UNNAMED = "unnamed"  # symptom of a violation that names no requirement


class Violation(AssertionError):  # noqa: N818 - the field's word
    """The target did not do what a requirement asks for.

    Attributes:
        expected: what the requirement asks for.
        actual: what the target did instead.
        requirement: id of the requirement, where it is not the one that the test names first.
        symptom: id of the requirement that it would break were nothing known of the earlier steps, empty where that is
            the same. It tells failures apart while a sequence is made smaller, and the earlier steps change.
    """

    def __init__(self, expected: str, actual: str, requirement: str | None = None) -> None:
        super().__init__(f"expected {expected}; actual {actual}")
        self.expected = expected
        self.actual = actual
        self.requirement = requirement
        self.symptom = ""

    def blame(self, requirement: str) -> None:
        """Assign the failure to another requirement, by the earlier steps."""
        self.symptom = self.symptom or self.requirement or UNNAMED
        self.requirement = requirement


class ResponseTimeout(Violation):
    """The target was silent until the deadline."""


class ConnectionClosed(Violation):
    """The target ended a connection that was needed, or never let it begin."""


class PreconditionFailed(Exception):  # noqa: N818 - names what happened, like its siblings
    """A step before the one under test failed, so nothing was judged."""


class TargetDown(Exception):  # noqa: N818
    """The target cannot be used: it is not there, silent, or speaks another protocol."""


class TargetRejectedConfiguration(Exception):  # noqa: N818
    """The target does not take what it was given: the credentials, the dialect, the cluster. One line."""


class Unsupported(Exception):  # noqa: N818
    """The target, or what is known of it, lacks what a test needs."""
