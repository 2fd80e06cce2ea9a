"""Servers in trouble, as rules: when does the answer to a message leave, given when the message arrived?

The server obeys a rule, and the truth about a run is computed from the same one. Times are seconds since the first user
of the run began; the first of them is the warm-up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BASE = 0.03  # seconds that a healthy server takes
USERS = 10  # of each kind; the number of a message in the whole run is computed with it
BIMODAL_SHARE, BIMODAL_SECONDS = 0.1, 0.15
STALL_BEGIN, STALL_END = 2.5, 4.5
BROWN_OUT_BEGIN, BROWN_OUT_END, BROWN_OUT_SECONDS = 2.5, 4.0, 0.15
DRIFT = 0.004  # seconds by which the server gets slower in each second
QUEUE_SECONDS, QUEUE_BLOCKED_AT, QUEUE_BLOCKED = 0.002, 2.5, 1.0  # one worker, that does something else for a while
LOST_FIRST, LOST_EVERY = 190, 97  # no multiple of the users, so that others are concerned each time
RARE_EVERY, RARE_PLACE, RARE_SECONDS = 1000, 500, 1.0


@dataclass(frozen=True)
class Message:
    """A message that has arrived at the server.

    Attributes:
        user: Number of the user, from 0 on.
        index: Number of the message among those of the user, from 0 on.
        arrival: Time of the arrival, seconds.
    """

    user: int
    index: int
    arrival: float

    @property
    def number(self) -> int:
        """Number of the message in the whole run, if all users send equally fast."""
        return self.index * USERS + self.user


Rule = Callable[[Message], float | None]  # when the answer leaves, seconds; None if there is none


def constant(message: Message) -> float:
    """Every answer takes as long."""
    return message.arrival + BASE


def bimodal(message: Message) -> float:
    """One answer in ten takes five times as long."""
    slow = random.Random(message.number).random() < BIMODAL_SHARE  # noqa: S311 - the same in every run
    return message.arrival + (BIMODAL_SECONDS if slow else BASE)


def stall(message: Message) -> float:
    """Nothing is answered for two seconds; what arrives then is answered at their end."""
    stalled = STALL_BEGIN <= message.arrival < STALL_END
    return (STALL_END if stalled else message.arrival) + BASE


def brown_out(message: Message) -> float:
    """For a second and a half every answer takes five times as long."""
    slow = BROWN_OUT_BEGIN <= message.arrival < BROWN_OUT_END
    return message.arrival + (BROWN_OUT_SECONDS if slow else BASE)


def slow_drift(message: Message) -> float:
    """Every answer takes a little longer than the one before."""
    return message.arrival + BASE + DRIFT * max(message.arrival, 0.0)


class HiddenQueue:
    """One worker for all users, which does something else for a second; a queue builds up that drains slowly."""

    def __init__(self) -> None:
        self._free_at = 0.0
        self._was_blocked = False

    def __call__(self, message: Message) -> float:
        """Return when the answer leaves."""
        if message.arrival >= QUEUE_BLOCKED_AT and not self._was_blocked:
            self._was_blocked = True
            self._free_at = max(self._free_at, QUEUE_BLOCKED_AT + QUEUE_BLOCKED)
        self._free_at = max(self._free_at, message.arrival) + QUEUE_SECONDS
        return self._free_at + BASE


def lost_answers(message: Message) -> float | None:
    """One message in 97 is never answered, from the second second on."""
    is_lost = message.number >= LOST_FIRST and (message.number - LOST_FIRST) % LOST_EVERY == 0
    return None if is_lost else message.arrival + BASE


def one_in_a_thousand(message: Message) -> float:
    """One answer in a thousand takes a second."""
    slow = message.number % RARE_EVERY == RARE_PLACE
    return message.arrival + (RARE_SECONDS if slow else BASE)


LOST = "lost answers"
PATHOLOGIES: Mapping[str, Callable[[], Rule]] = {  # name to what makes a new rule
    "constant": lambda: constant,
    "bimodal": lambda: bimodal,
    "2 s stall": lambda: stall,
    "brown-out": lambda: brown_out,
    "slow drift": lambda: slow_drift,
    "hidden queue": HiddenQueue,
    LOST: lambda: lost_answers,
    "one in a thousand": lambda: one_in_a_thousand,
}
