"""Profiles of real servers."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Quirks:
    """The quirks of a server.

    Attributes:
        name: Name of the quirks, and of the dialect of the server.
        speed: Factor of all delays, 0 for none.
    """

    name: str
    speed: float = 1.0


_PROFILES = {
    quirks.name: quirks
    for quirks in (
        Quirks("hanami-0.4"),
        Quirks("openhanami-0.5"),
    )
}


def quirk_names() -> tuple[str, ...]:
    """Return the names of all profiles."""
    return tuple(_PROFILES)


def quirks_for(name: str, speed: float = 1.0) -> Quirks:
    """Return the quirks of a profile, with a factor of the delays."""
    return replace(_PROFILES[name], speed=speed)
