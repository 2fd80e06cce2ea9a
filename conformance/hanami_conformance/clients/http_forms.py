"""Forms of an HTTP request: other bytes, connections and segments with the same meaning (RFC 9110, RFC 9112)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hanami_conformance.clients.rest import HEADERS

SMALL = 7  # bytes of a small chunk
MANY = 40  # further headers
EXTENSION = b";name=value"

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class HttpForm:
    """The form of a request; each field names an entry of the table beside it.

    Attributes:
        body: Framing of the body, of :data:`FRAMINGS`.
        segments: TCP segments, of :data:`SEGMENTS`.
        headers: Spelling of the headers, of :data:`SPELLINGS`.
        media_type: Content-Type, of :data:`MEDIA_TYPES`.
    """

    body: str = "sized"
    segments: str = "one"
    headers: str = "usual"
    media_type: str = "plain"

    def unseen(self, *, has_body: bool) -> str:
        """Return what of the form the head of a request does not show, for people; empty for nothing."""
        framing = self.body if has_body and self.body not in ("sized", "one chunk") else ""
        segments = "" if self.segments == "one" else f"TCP segments: {self.segments}"
        return ", ".join(filter(None, (framing, segments)))

    def encode(self, method: str, target: str, headers: Mapping[str, str], content: bytes | None) -> list[bytes]:
        """Return the bytes of a request, one item for each segment.

        Args:
            method: HTTP method.
            target: Path and query.
            headers: Headers without those of the body; the usual ones are added.
            content: Body, None for none.
        """
        fields: Headers = [*headers.items(), *HEADERS.items()]
        body = b""
        if content is not None:
            framing, body = FRAMINGS[self.body](content)
            fields += [("Content-Type", MEDIA_TYPES[self.media_type]), framing]
        lines = [f"{method} {target} HTTP/1.1", *SPELLINGS[self.headers](fields), "", ""]
        head = "\r\n".join(lines).encode("latin-1")
        return _cut(head + body, SEGMENTS[self.segments](len(head), len(head) + len(body)))


def chunked(content: bytes, size: int, extension: bytes = b"") -> bytes:
    """Return a body in the chunked coding (RFC 9112, section 7.1)."""
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in [*parts, b""])


_CHUNKED = ("Transfer-Encoding", "chunked")
FRAMINGS: Mapping[str, Callable[[bytes], tuple[tuple[str, str], bytes]]] = {
    "sized": lambda content: (("Content-Length", str(len(content))), content),
    "one chunk": lambda content: (_CHUNKED, chunked(content, len(content))),
    "chunks of 7 bytes": lambda content: (_CHUNKED, chunked(content, SMALL)),
    "chunks with extensions": lambda content: (_CHUNKED, chunked(content, max(1, len(content) // 2), EXTENSION)),
}
# The head ends at the first offset, the request at the second one.
SEGMENTS: Mapping[str, Callable[[int, int], list[int]]] = {
    "one": lambda _head, _end: [],
    "head apart": lambda head, end: [head] if head < end else [head - 2],
    "last byte apart": lambda _head, end: [end - 1],
    "cut in the headers": lambda head, _end: [head // 3, head - 1],
}
SPELLINGS: Mapping[str, Callable[[Headers], list[str]]] = {
    "usual": lambda fields: [f"{name}: {value}" for name, value in fields],
    "lower case": lambda fields: [f"{name.lower()}: {value}" for name, value in fields],
    "upper case": lambda fields: [f"{name.upper()}: {value}" for name, value in fields],
    # Before the values alone, and no tabs: servers in wide use keep the blanks behind a value, or reject a tab, though
    # both are allowed (RFC 9112, section 5.1).
    "blanks before values": lambda fields: [f"{name}:   {value}" for name, value in fields],
    "no blanks": lambda fields: [f"{name}:{value}" for name, value in fields],
    "among many others": lambda fields: [
        *(f"{name}: {value}" for name, value in fields[:1]),
        *(f"X-Other-{number}: {number}" for number in range(MANY)),
        *(f"{name}: {value}" for name, value in fields[1:]),
    ],
}
MEDIA_TYPES: Mapping[str, str] = {
    "plain": "application/json",
    "with a charset": "application/json; charset=utf-8",
    "with a quoted charset": 'application/json;charset="UTF-8"',
    "in capitals": "APPLICATION/JSON",
}


def _cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *cuts, len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]
