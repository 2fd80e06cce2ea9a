"""Other spellings of a text: escapes of JSON, URLs, HTML and Python, and base64 at any alignment."""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_right

MOST_LEVELS = 4  # of escapes within escapes, such as a URL in JSON in HTML

_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # JSON: a character beyond 16 bits
    rb"|\\u[0-9a-fA-F]{4}"
    rb"|\\U[0-9a-fA-F]{8}"
    rb"|[\\]x[0-9a-fA-F]{2}"  # Python: a byte
    rb"|[\\][\\/\"'bfnrt]"
    rb"|%[0-9a-fA-F]{2}"  # URL: a byte
    rb"|&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});"  # HTML
)
_ESCAPED = dict(zip(b"bfnrt", b"\b\f\n\r\t", strict=True))


class Unescaped:
    """Bytes with each escape replaced by what it stands for.

    Args:
        data: Bytes that may hold escapes.

    Attributes:
        data: The bytes without escapes.
        changed: Whether there were any.
    """

    def __init__(self, data: bytes) -> None:
        pieces: list[bytes] = []
        # Where pieces begin, in the result and in the source; even ones are literal, odd ones are escapes.
        self._begins, self._sources = [0], [0]
        size = at = 0
        for match in _ESCAPE.finditer(data):
            for piece, end in ((data[at : match.start()], match.start()), (_meaning(match[0]), match.end())):
                pieces.append(piece)
                size += len(piece)
                self._begins.append(size)
                self._sources.append(end)
            at = match.end()
        self.changed = at > 0
        self.data = b"".join((*pieces, data[at:])) if self.changed else data

    def source(self, begin: int, end: int) -> tuple[int, int]:
        """Return the part of the source that a part of the result stands for, with whole escapes."""
        first, last = bisect_right(self._begins, begin) - 1, bisect_right(self._begins, end - 1) - 1
        source_begin = self._sources[first] + (begin - self._begins[first] if first % 2 == 0 else 0)
        if last % 2:
            return source_begin, self._sources[last + 1]
        return source_begin, self._sources[last] + end - self._begins[last]


def unescape_levels(data: bytes) -> list[Unescaped]:
    """Return the data without escapes, then that without the escapes in it, and so on; none if there are no escapes."""
    levels: list[Unescaped] = []
    while len(levels) < MOST_LEVELS and any(sign in data for sign in (b"\\", b"%", b"&")):
        level = Unescaped(data)
        if not level.changed:
            break
        levels.append(level)
        data = level.data
    return levels


def _meaning(escape: bytes) -> bytes:
    kind, text = escape[:1], escape.decode("ascii")
    if kind == b"%" or escape[:2] == b"\\x":
        return bytes([int(text[-2:], 16)])
    if kind == b"&":
        meant = html.unescape(text)
    elif len(escape) == 2:
        return bytes([_ESCAPED.get(escape[1], escape[1])])
    elif escape[1:2] == b"U":
        code = int.from_bytes(bytes.fromhex(text[2:]), "big")
        meant = chr(code) if code <= 0x10FFFF else text
    else:
        units = [int(unit, 16) for unit in text.split("\\u")[1:]]
        meant = b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", "surrogatepass")
    return meant.encode("utf-8", "surrogatepass")


def base64_patterns(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return how bytes look within longer text in base64, at each of the three alignments and in both alphabets.

    Returns:
        For each: the digits that depend on these bytes alone, and a regular expression with the digits at both ends
        that depend on their neighbours, too.
    """
    found: dict[bytes, bytes] = {}
    for offset in range(3):
        skipped, whole = -(-8 * offset // 6), 8 * (offset + len(data)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(bytes(offset) + data)[skipped:whole]
            before = rb"[A-Za-z0-9+/_-]?" if offset else b""
            behind = rb"[A-Za-z0-9+/_-]?" if 8 * (offset + len(data)) % 6 else b""
            found[core] = before + re.escape(core) + behind
    return list(found.items())
