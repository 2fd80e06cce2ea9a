"""Profiles of real servers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus


@dataclass(frozen=True)
class Quirks:
    """The quirks in which servers differ; all others are common to them.

    Attributes:
        name: Name of the quirks, and of the dialect of the server.
        unknown_path: Status of the response to an unknown path.
        requests_end: Whether the last output of a request has isLast = true.
        speed: Factor of all delays, 0 for none.
    """

    name: str
    unknown_path: HTTPStatus
    requests_end: bool
    speed: float = 1.0


_PROFILES = {
    quirks.name: quirks
    for quirks in (
        Quirks("hanami-0.4", unknown_path=HTTPStatus.UNAUTHORIZED, requests_end=False),
        Quirks("openhanami-0.5", unknown_path=HTTPStatus.NOT_FOUND, requests_end=True),
    )
}


def quirk_names() -> tuple[str, ...]:
    """Return the names of all profiles."""
    return tuple(_PROFILES)


def quirks_for(name: str, speed: float = 1.0) -> Quirks:
    """Return the quirks of a profile, with a factor of the delays."""
    return replace(_PROFILES[name], speed=speed)
