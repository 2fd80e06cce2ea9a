"""The log of the server: when each message arrived, and when its answer left."""

from __future__ import annotations

from dataclasses import dataclass

REST, SOCKET = "rest dataset.progress", "direct request"  # types of message, as load runs name them
ATTACH = "attach cluster"  # its exchanges say when a user had a socket


@dataclass(frozen=True)
class Exchange:
    """A message and its answer, as the server saw them; times in seconds since the first user of the run began.

    Attributes:
        series: Type of the message.
        user: Number of the user.
        index: Number of the message among those of the user.
        arrival: Time at which the message had arrived, by the clock of the system and not of the process.
        planned: Time at which the answer was to leave; None for one that is lost.
        departure: Time at which the answer left; None if it did not.
    """

    series: str
    user: int
    index: int
    arrival: float
    planned: float | None
    departure: float | None
