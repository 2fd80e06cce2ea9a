"""The recorded bytes of an event, and what the recorder cut of them."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from hanami_reports.model.conformance import Event

# The recorder cuts large payloads, and says so at the end of the summary.
_CUT = re.compile(r"\(cut after 1 MiB: (\d{1,18}) bytes, sha256 ([0-9a-f]{64})\)$")


@dataclass(frozen=True)
class Cut:
    """A payload of which only the beginning is recorded.

    Attributes:
        size: Number of bytes of the whole payload.
        digest: SHA-256 of the whole payload, hexadecimal.
    """

    size: int
    digest: str


def event_bytes(event: Event) -> bytes:
    """Return the payload of an event; text that is no base64 is returned as it is."""
    return _decoded(event.payload)


def frame_bytes(event: Event) -> bytes:
    """Return the frames of a message that was not sent in one; none for other events."""
    return _decoded(event.frames)


def cut_of(event: Event) -> Cut | None:
    """Return what the whole payload was if it was cut, else None."""
    found = _CUT.search(event.summary)
    return Cut(int(found[1]), found[2]) if found else None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "backslashreplace")
