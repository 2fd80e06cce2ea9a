"""Events of a websocket: whole messages, and the end of the connection."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_conformance.common.text import hex_preview, printable_line


@dataclass(frozen=True)
class Message:
    """A whole websocket message.

    Attributes:
        text: Whether it arrived in text frames.
        data: Payload, bytes.
    """

    text: bool
    data: bytes

    def __str__(self) -> str:
        if self.text:
            return f"text {printable_line(self.data.decode('utf-8', 'replace'))}"
        return f"binary {len(self.data)} bytes {hex_preview(self.data)}"


@dataclass(frozen=True)
class CloseInfo:
    """The end of a connection.

    Attributes:
        code: Code of the target's close frame, None where the connection ended without one.
        reason: Reason in the close frame, or the error that ended the connection.
        by_suite: Whether the suite ended it, because the target sent more than the suite reads.
    """

    code: int | None
    reason: str
    by_suite: bool = False

    def __str__(self) -> str:
        if self.by_suite:
            return f"connection ended by the suite ({self.reason})"
        if self.code is None:
            return f"connection closed abnormally ({self.reason})"
        return f"close {self.code} {printable_line(self.reason)!r}"
