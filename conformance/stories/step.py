"""One step of a story: what is done, and with what."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class StoryError(ValueError):
    """A story that cannot be read; the message says where it is wrong."""


@dataclass(frozen=True)
class Step:
    """A step: plain JSON.

    Attributes:
        do: what is done.
        with_: with what, by name.
    """

    do: str
    with_: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """A number that is not negative."""
        value = self.with_.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise StoryError(f"step {self.do!r}: {name} must be a whole number from 0, it is {value!r}")
        return value

    def text(self, name: str) -> str:
        """A text."""
        value = self.with_.get(name)
        if not isinstance(value, str):
            raise StoryError(f"step {self.do!r}: {name} must be a text, it is {value!r}")
        return value

    def data(self, name: str) -> bytes:
        """Bytes, in base64."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except binascii.Error as error:
            raise StoryError(f"step {self.do!r}: {name} must be base64") from error

    def triples(self, name: str) -> Sequence[tuple[int, int, int]]:
        """A list of three numbers each."""
        value = self.with_.get(name)
        if not isinstance(value, list) or not all(isinstance(entry, list) and len(entry) == 3 for entry in value):
            raise StoryError(f"step {self.do!r}: {name} must be a list of three numbers each")
        return [(int(first), int(second), int(third)) for first, second, third in value]
