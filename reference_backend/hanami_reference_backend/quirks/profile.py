"""Profiles of real servers."""

from __future__ import annotations

from dataclasses import dataclass

QUIRK_NAMES = ("hanami-0.4", "openhanami-0.5")


@dataclass(frozen=True)
class Quirks:
    """The quirks of a server.

    Attributes:
        name: Name of the quirks, and of the dialect of the server.
        speed: Factor of all delays, 0 for none.
    """

    name: str
    speed: float = 1.0
