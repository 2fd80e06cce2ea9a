"""One step of a sequence: an action and its arguments."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


class SequenceError(ValueError):
    """A sequence that cannot be read or executed; the message names the place and the reason."""


HUGE = 2**32  # no careful server believes a position or a count from here on


@dataclass(frozen=True)
class Step:
    """A step, as plain JSON values.

    Attributes:
        action: Name of the action.
        arguments: Arguments of the action, by name.
    """

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_destructive(self) -> bool:
        """Whether the step sends undecodable bytes or a huge number, which crash fragile servers."""
        return self.action == "garbage" or _is_huge(self.arguments)

    def require_action(self, known: Collection[str]) -> None:
        """Reject a step that the executor does not know.

        Raises:
            SequenceError: If the action is not among the known ones.
        """
        if self.action not in known:
            raise SequenceError(f"step {self.action!r}: no such step, choose one of {', '.join(sorted(known))}")

    def int_argument(self, name: str) -> int:
        """Return a whole number from 0."""
        return int(self._argument(name, _is_count, "a whole number from 0"))

    def int_list_argument(self, name: str) -> list[int]:
        """Return a list of whole numbers from 0."""
        return list(self._argument(name, _list_of(_is_count), "a list of whole numbers from 0"))

    def int_tuples_argument(self, name: str, length: int) -> list[tuple[int, ...]]:
        """Return a list of tuples of whole numbers from 0, each of the given length."""

        def is_tuple(value: Any) -> bool:
            return _list_of(_is_count)(value) and len(value) == length

        rows = self._argument(name, _list_of(is_tuple), f"a list of {length} whole numbers from 0 each")
        return [tuple(row) for row in rows]

    def text_argument(self, name: str) -> str:
        """Return a text."""
        return str(self._argument(name, _is_text, "a text"))

    def text_list_argument(self, name: str) -> list[str]:
        """Return a list of texts."""
        return list(self._argument(name, _list_of(_is_text), "a list of texts"))

    def text_rows_argument(self, name: str) -> list[list[str]]:
        """Return a list of lists of texts."""
        return list(self._argument(name, _list_of(_list_of(_is_text)), "a list of lists of texts"))

    def choice_argument(self, name: str, choices: Collection[str]) -> str:
        """Return a text that is one of the choices."""
        return str(self._argument(name, lambda value: value in tuple(choices), f"one of {', '.join(choices)}"))

    def object_argument(self, name: str) -> dict[str, Any]:
        """Return a JSON object."""
        return dict(self._argument(name, lambda value: isinstance(value, dict), "an object"))

    def bytes_argument(self, name: str) -> bytes:
        """Return bytes, which the step holds in base64."""
        try:
            return base64.b64decode(self.text_argument(name), validate=True)
        except binascii.Error as error:
            raise SequenceError(f"step {self.action!r}: {name} must be base64") from error

    def _argument(self, name: str, is_valid: Callable[[Any], bool], expectation: str) -> Any:
        value = self.arguments.get(name)
        if not is_valid(value):
            raise SequenceError(f"step {self.action!r}: {name} must be {expectation}, not {str(value)[:60]!r}")
        return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _list_of(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_valid, value))


def _is_huge(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_huge, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_huge, value))
    return isinstance(value, int | float) and value >= HUGE
