"""One step of a sequence: what is done, and with what."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


class SequenceError(ValueError):
    """A sequence that cannot be read; the message says where it is wrong."""


HUGE = 2**32  # a position or a count from here on is believed by no careful server


@dataclass(frozen=True)
class Step:
    """A step: plain JSON.

    Attributes:
        do: what is done.
        with_: with what, by name.
    """

    do: str
    with_: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_destructive(self) -> bool:
        """Whether it sends what is known to end fragile servers: bytes that are no message, or a huge number."""
        return self.do == "garbage" or _is_huge(self.with_)

    def must_be_one_of(self, acts: Collection[str]) -> None:
        """Refuse a step that the executor does not know.

        Raises:
            SequenceError: it is none of these.
        """
        if self.do not in acts:
            raise SequenceError(f"step {self.do!r}: no such step, choose one of {', '.join(sorted(acts))}")

    def number(self, name: str) -> int:
        """Return a number that is not negative."""
        value = self.with_.get(name)
        if not isinstance(value, int) or not _is_number(value):
            raise SequenceError(f"step {self.do!r}: {name} must be a whole number from 0, it is {value!r}")
        return value

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.with_.get(name)
        if not isinstance(value, str):
            raise SequenceError(f"step {self.do!r}: {name} must be a text, it is {value!r}")
        return value

    def data(self, name: str) -> bytes:
        """Bytes, in base64."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except binascii.Error as error:
            raise SequenceError(f"step {self.do!r}: {name} must be base64") from error

    def numbers(self, name: str) -> list[int]:
        """Return a list of numbers that are not negative."""
        value = self.with_.get(name)
        if not isinstance(value, list) or not all(_is_number(entry) for entry in value):
            raise SequenceError(f"step {self.do!r}: {name} must be a list of whole numbers from 0")
        return value

    def fields(self, name: str) -> dict[str, Any]:
        """Return an object."""
        value = self.with_.get(name)
        if not isinstance(value, dict):
            raise SequenceError(f"step {self.do!r}: {name} must be an object")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        return _texts(self.with_.get(name), f"step {self.do!r}: {name} must be a list of texts")

    def rows(self, name: str) -> list[list[str]]:
        """Return a list of lists of texts."""
        wrong = f"step {self.do!r}: {name} must be a list of lists of texts"
        value = self.with_.get(name)
        if not isinstance(value, list):
            raise SequenceError(wrong)
        return [_texts(entry, wrong) for entry in value]

    def tuples(self, name: str, length: int) -> list[tuple[int, ...]]:
        """Return a list of lists of numbers, each of the same length."""
        value = self.with_.get(name)
        if not isinstance(value, list) or not all(
            isinstance(entry, list) and len(entry) == length and all(map(_is_number, entry)) for entry in value
        ):
            raise SequenceError(f"step {self.do!r}: {name} must be a list of {length} whole numbers from 0 each")
        return [tuple(entry) for entry in value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _texts(value: Any, wrong: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise SequenceError(wrong)
    return value


def _is_huge(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_huge, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_huge, value))
    return isinstance(value, int | float) and value >= HUGE
