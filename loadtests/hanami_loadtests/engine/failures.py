"""Failures of exchanges under load: of the target, or of this machine."""

from __future__ import annotations

import traceback

from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import Address, shortage_in


class LoadFailure(Exception):  # noqa: N818 - a failure of the target, no error of ours
    """An exchange that did not succeed.

    Attributes:
        kind: Class of the failure, as reports name it.
        recorded: Whether the failure was counted already.
    """

    kind = "failure"
    recorded = False

    def __str__(self) -> str:
        """Return the message without secrets: Locust shows it, too."""
        return SECRETS.text(super().__str__())


class NoAnswer(LoadFailure):
    """Nothing was answered before the deadline."""

    kind = "no answer"


class NoConnection(LoadFailure):
    """The target accepted no connection."""

    kind = "no connection"


class ConnectionLost(LoadFailure):
    """The target ended the connection."""

    kind = "lost connection"


class TooLarge(LoadFailure):
    """The target sent more than is read."""

    kind = "too large"


class GeneratorShortage(LoadFailure):
    """This machine lacks what an exchange needs, so nothing is known about the target; one line with the cure."""

    kind = "shortage"


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


# Of answers that did not arrive, which this machine may be responsible for; all other kinds were answered.
MISSING = (NoAnswer.kind, NoConnection.kind, ConnectionLost.kind)


def release_frames(failure: BaseException) -> None:
    """Release what the frames behind a failure hold, such as a large answer, while its user waits."""
    error: BaseException | None = failure
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__


def unless_shortage(failure: LoadFailure, error: Exception, place: Address) -> LoadFailure:
    """Return the failure of an exchange, or what this machine lacks where that caused its error.

    Args:
        failure: Failure of the target.
        error: Error of the network.
        place: Host and port of the target.
    """
    lacking = shortage_in(error, place)
    return GeneratorShortage(lacking) if lacking else failure
