"""Redaction: known secrets are replaced in all output, in whatever spelling."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hanami_conformance.common.spellings import Unescaped, base64_patterns, unescape_levels
from hanami_proto.files import whole_file

# Replacing shorter secrets would damage unrelated text; the pattern of fields below still hides them in requests.
LEAST_LENGTH = 4
LONGEST_LINE = 1 << 20  # bytes of a file that are read at once
LONGEST_ESCAPE = 12  # bytes that stand for one byte of a secret, at most

# Headers that authorise, whatever their value is.
_HEADERS = re.compile(r"(?im)^((?:x-auth-token|authorization|cookie|set-cookie):[ \t]*)([^\r\n]+)")
_FIELD = re.compile(rb'("(?:password|passphrase|token)"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)

Cut = TypeVar("Cut", str, bytes)


@dataclass(frozen=True)
class _Spelling:
    """One spelling of a secret.

    Attributes:
        core: Bytes that are in it, whatever its neighbours are.
        pattern: All of it.
        label: Text that replaces the secret.
    """

    core: bytes
    pattern: re.Pattern[bytes]
    label: bytes


class Redactor:
    """Replacement of passwords and tokens: in JSON, URLs, HTML and base64, and in these within each other."""

    def __init__(self) -> None:
        self._spellings: dict[bytes, _Spelling] = {}
        self._longest = 0  # characters of the longest spelling
        # The longest first: a password may be part of a token or of another password.
        self._ordered: list[_Spelling] = []
        self._lengths: list[int] = []  # of their cores, negative

    def clear(self) -> None:
        """Forget every secret, for a new run."""
        self.__init__()  # type: ignore[misc]

    def add(self, secret: str, label: str) -> None:
        """Replace ``secret`` by ``label`` from now on."""
        data = secret.encode("utf-8", "surrogatepass")
        if len(secret) < LEAST_LENGTH or data in self._spellings:
            return
        replacement = f"[{label}]".encode()
        latin_1 = b"".join(char.encode("latin-1" if char <= "\xff" else "utf-8", "surrogatepass") for char in secret)
        plain = [(word, re.escape(word)) for word in (data, data.replace(b" ", b"+"), latin_1)]  # + in forms
        for core, pattern in [*plain, *base64_patterns(data)]:
            # The base64 of a password is a secret of its own in some dialects, with the same label.
            self._spellings.setdefault(core, _Spelling(core, re.compile(pattern), replacement))
        self._longest = max(self._longest, LONGEST_ESCAPE * len(data))
        self._ordered.clear()

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if len(text) < LEAST_LENGTH:
            return text
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def data(self, data: bytes) -> bytes:
        """Return the bytes without secrets."""
        for spelling in self._fitting(data):
            if spelling.core in data:
                data = spelling.pattern.sub(lambda _, label=spelling.label: label, data)  # type: ignore[misc]
        levels = unescape_levels(data) if self._spellings else []
        depth = 1
        while depth <= len(levels):
            replaced = self._replace_below(data, levels[:depth])
            if replaced is not data:
                data, levels = replaced, unescape_levels(replaced)
            depth += 1
        return _FIELD.sub(_hide, data) if b'"' in data else data

    def headers(self, text: str) -> str:
        """Return the head of an HTTP message without secrets."""
        return _HEADERS.sub(_hide_header, self.text(text))

    def text_beginning(self, text: str, limit: int) -> tuple[str, bool]:
        """Return the first characters of a text without secrets, and whether that is all of it.

        The rest of a long text is not examined.
        """
        return self._beginning(self.text, text, limit)

    def data_beginning(self, data: bytes, limit: int) -> tuple[bytes, bool]:
        """Return the first bytes without secrets, and whether these are all; see :meth:`text_beginning`."""
        return self._beginning(self.data, data, limit)

    def _beginning(self, redact: Callable[[Cut], Cut], content: Cut, limit: int) -> tuple[Cut, bool]:
        """Return the first characters or bytes without secrets, and whether these are all."""
        for end in self._ends(len(content), limit):
            redacted = redact(content[:end])
            # A secret that the end cuts in two is not recognised, so the end is left out.
            certain = redacted[: max(0, len(redacted) - self._longest)]
            if len(certain) >= limit:
                return certain[:limit], False
        redacted = redact(content)
        return redacted[:limit], len(redacted) <= limit

    def _ends(self, size: int, limit: int) -> Iterator[int]:
        """Yield the numbers of characters to examine, more and more, since labels are shorter than secrets."""
        end = limit + 2 * self._longest
        while end < size:
            yield end
            end *= 4

    def _replace_below(self, data: bytes, levels: Sequence[Unescaped]) -> bytes:
        """Replace secrets that are found where several levels of escapes are taken away."""
        below = levels[-1].data
        found: list[tuple[int, int, bytes]] = []
        for spelling in self._fitting(below):
            if spelling.core in below:
                found += [(*match.span(), spelling.label) for match in spelling.pattern.finditer(below)]
                # What is found is no part of another secret.
                below = spelling.pattern.sub(lambda match: bytes(len(match[0])), below)
        for begin, end, label in sorted(found, reverse=True):
            for level in reversed(levels):
                begin, end = level.source(begin, end)  # noqa: PLW2901 - of the level before
            data = data[:begin] + label + data[end:]
        return data

    def _fitting(self, data: bytes) -> Sequence[_Spelling]:
        """Return the spellings that are not longer than the data."""
        if not self._ordered and self._spellings:
            self._ordered = sorted(self._spellings.values(), key=lambda one: -len(one.core))
            self._lengths = [-len(one.core) for one in self._ordered]
        return self._ordered[bisect_left(self._lengths, -len(data)) :]


# Secrets of the current run. Text is redacted here before it is truncated, since a truncated secret is not recognised.
SECRETS = Redactor()


def _hide_header(match: re.Match[str]) -> str:
    value = match.group(2)
    return match.group(0) if value.startswith("[") and value.endswith("]") else f"{match.group(1)}[secret]"


def redact_file(path: Path) -> None:
    """Replace the secrets of the current run in a file, or remove the file where that fails, as on a full disk.

    Raises:
        DiskError, OSError: If the file cannot be read or replaced.
    """
    try:
        with path.open("rb") as source, whole_file(path) as made:
            while line := source.readline(LONGEST_LINE):
                made.write(SECRETS.data(line))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _hide(match: re.Match[bytes]) -> bytes:
    field = match[0]
    return field if field.endswith(b']"') and b'"[' in field else match[1] + b'"[secret]"'
