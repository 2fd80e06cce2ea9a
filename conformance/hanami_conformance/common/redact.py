"""Redaction: known secrets are replaced in all output."""

from __future__ import annotations

import json
import re

# Replacing shorter secrets would damage unrelated text; the patterns below still hide them in requests.
LEAST_LENGTH = 4

_FIELDS = rb'("(?:password|passphrase|token)"\s*:\s*)"(?:[^"\\]|\\.)*"'
# Headers that authorise, whatever their value is.
_HEADERS = re.compile(r"(?im)^((?:x-auth-token|authorization|cookie|set-cookie):[ \t]*)([^\r\n]+)")
_IN_BYTES = re.compile(_FIELDS, re.IGNORECASE)
_IN_TEXT = re.compile(_FIELDS.decode(), re.IGNORECASE)


class Redactor:
    """Replacement of passwords and tokens, in every spelling of JSON."""

    def __init__(self) -> None:
        self._replacements: dict[str, str] = {}

    def clear(self) -> None:
        """Forget every secret, for a new run."""
        self._replacements.clear()

    def add(self, secret: str, label: str) -> None:
        """Replace ``secret`` by ``label`` from now on."""
        for spelling in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            if len(spelling) >= LEAST_LENGTH:
                self._replacements[spelling] = f"[{label}]"

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._longest_first():
            text = text.replace(secret, self._replacements[secret])
        return _IN_TEXT.sub(_hide_text, text)

    def data(self, data: bytes) -> bytes:
        """Return the bytes without secrets."""
        for secret in self._longest_first():
            data = data.replace(secret.encode("utf-8", "surrogatepass"), self._replacements[secret].encode())
        return _IN_BYTES.sub(_hide_data, data)

    def headers(self, text: str) -> str:
        """Return the head of an HTTP message without secrets."""
        return _HEADERS.sub(_hide_header, self.text(text))

    def _longest_first(self) -> list[str]:
        # A password may be part of a token or of another password, so the longest is replaced first.
        return sorted(self._replacements, key=len, reverse=True)


# Secrets of the current run. Text is redacted here before it is truncated, since a truncated secret is not recognised.
SECRETS = Redactor()


def _hide_header(match: re.Match[str]) -> str:
    value = match.group(2)
    return match.group(0) if value.startswith("[") and value.endswith("]") else f"{match.group(1)}[secret]"


def _hide_text(match: re.Match[str]) -> str:
    return match.group(0) if _is_label(match.group(0)) else f'{match.group(1)}"[secret]"'


def _hide_data(match: re.Match[bytes]) -> bytes:
    found = match.group(0)
    return found if _is_label(found.decode("utf-8", "replace")) else match.group(1) + b'"[secret]"'


def _is_label(field: str) -> bool:
    return field.endswith(']"') and '"[' in field
