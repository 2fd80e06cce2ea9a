"""How an exchange under load can go wrong."""

from __future__ import annotations


class LoadFailure(Exception):  # noqa: N818 - a failure of the target, no error of ours
    """An exchange that did not succeed.

    Args:
        says: one line.

    Attributes:
        kind: class of the failure, as reports name it.
        recorded: whether it was counted already.
    """

    kind = "failure"
    recorded = False


class NoAnswer(LoadFailure):
    """Nothing came until the deadline."""

    kind = "no answer"


class ConnectionLost(LoadFailure):
    """The target ended the connection, or took none."""

    kind = "lost connection"


class Rejected(LoadFailure):
    """The target refused what it should take."""

    kind = "rejected"


class IncorrectAnswer(LoadFailure):
    """The target answered with what no right server answers.

    Args:
        says: one line: what was expected, and what came.
        requirement: id of the requirement that is broken.
        expected: what the protocol asks for.
        actual: what came instead.
    """

    kind = "incorrect answer"

    def __init__(self, requirement: str, expected: str, actual: str) -> None:
        super().__init__(f"{requirement}: expected {expected}; actual {actual}")
        self.requirement = requirement
        self.expected = expected
        self.actual = actual
