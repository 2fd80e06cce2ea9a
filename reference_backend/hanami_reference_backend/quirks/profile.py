"""Which servers have which quirks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus


@dataclass(frozen=True)
class Quirks:
    """What is odd about a server; what is not told here, all of them have in common.

    Attributes:
        name: of the dialect that it speaks, and of the quirks.
        unknown_path: status that answers a path which it does not know.
        requests_end: whether the last message of the answer to a request has isLast = true.
        speed: what all its delays are multiplied with; 0 for none.
    """

    name: str
    unknown_path: HTTPStatus
    requests_end: bool
    speed: float = 1.0


_KNOWN = (
    Quirks("hanami-0.4", unknown_path=HTTPStatus.UNAUTHORIZED, requests_end=False),
    Quirks("openhanami-0.5", unknown_path=HTTPStatus.NOT_FOUND, requests_end=True),
)


def quirk_names() -> tuple[str, ...]:
    """Names of all servers whose quirks are known."""
    return tuple(quirks.name for quirks in _KNOWN)


def quirks_for(name: str, speed: float = 1.0) -> Quirks:
    """Return the quirks of a server.

    Args:
        name: one of :func:`quirk_names`.
        speed: see :attr:`Quirks.speed`.
    """
    return replace(next(quirks for quirks in _KNOWN if quirks.name == name), speed=speed)
