"""Failures of exchanges under load."""

from __future__ import annotations


class LoadFailure(Exception):  # noqa: N818 - a failure of the target, no error of ours
    """An exchange that did not succeed.

    Attributes:
        kind: Class of the failure, as reports name it.
        recorded: Whether the failure was counted already.
    """

    kind = "failure"
    recorded = False


class NoAnswer(LoadFailure):
    """Nothing was answered before the deadline."""

    kind = "no answer"


class NoConnection(LoadFailure):
    """The target accepted no connection."""

    kind = "no connection"


class ConnectionLost(LoadFailure):
    """The target ended the connection."""

    kind = "lost connection"


class Rejected(LoadFailure):
    """The target rejected something that it must accept."""

    kind = "rejected"


class NotMeasurable(LoadFailure):
    """The target lacks the replies that a measurement needs."""

    kind = "not measurable"


class IncorrectAnswer(LoadFailure):
    """The target answered with something that violates the protocol.

    Args:
        requirement: Id of the violated requirement.
        expected: Answer that the protocol requires.
        actual: Answer of the target.
    """

    kind = "incorrect answer"

    def __init__(self, requirement: str, expected: str, actual: str) -> None:
        super().__init__(f"{requirement}: expected {expected}; actual {actual}")
        self.requirement = requirement
        self.expected = expected
        self.actual = actual
