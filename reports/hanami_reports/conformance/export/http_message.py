"""HTTP messages, put together from their recorded heads and bodies."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_reports.model.conformance import Event

END = "\r\n\r\n"


@dataclass(frozen=True)
class HttpHead:
    """The first line and the headers of an HTTP message.

    Attributes:
        first_line: Request line or status line.
        headers: Names and values.
    """

    first_line: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> HttpHead:
        """Read the head of a message; lines that are no headers are left out."""
        first_line, *lines = text.partition(END)[0].split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(first_line, tuple((name, value.strip(" \t")) for name, colon, value in pairs if colon))

    @classmethod
    def of(cls, event: Event) -> HttpHead:
        """Return the head of a recorded message; of results without heads, what its summary has."""
        if event.head:
            return cls.parse(event.head)
        words = event.summary.split(" ")
        line = " ".join([*words[:2], "HTTP/1.1"]) if event.direction == "sent" else f"HTTP/1.1 {words[0]} "
        return cls(line, ())

    def words(self) -> tuple[str, str, str]:
        """Return the three parts of the first line: method, target, version, or version, status, reason."""
        first, _, rest = self.first_line.partition(" ")
        second, _, third = rest.partition(" ")
        return first, second, third

    def value(self, name: str) -> str:
        """Return the value of a header, empty without it."""
        return next((value for header, value in self.headers if header.lower() == name), "")

    def with_value(self, name: str, value: str) -> HttpHead:
        """Return the head with another value of a header that it has."""
        headers = ((header, value if header.lower() == name else old) for header, old in self.headers)
        return HttpHead(self.first_line, tuple(headers))

    def to_bytes(self) -> bytes:
        """Return the head as it is sent."""
        lines = [self.first_line, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + END).encode("latin-1", "backslashreplace")


def message_bytes(head: HttpHead, body: bytes) -> bytes:
    """Return an HTTP message as bytes.

    The length in the head becomes that of the body, which redaction may have changed. A chunked body is one chunk.
    """
    if head.value("transfer-encoding").lower() == "chunked":
        chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b""
        return head.to_bytes() + chunk + b"0\r\n\r\n"
    if body:
        head = head.with_value("content-length", str(len(body)))
    return head.to_bytes() + body
