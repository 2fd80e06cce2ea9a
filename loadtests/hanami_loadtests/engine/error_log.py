"""The failures of a load run by class, and the exchanges of incorrect answers, of which only the first are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.engine.failures import LoadFailure
from hanami_reports.model.load import ErrorClass

MOST_CLASSES = 200  # of errors; further ones are counted under their kind alone
MOST_EXCHANGES = 20  # incorrect answers that are kept as files
LONGEST_MESSAGE = 300  # characters


class StoredSequence(Protocol):
    """An exchange that can be kept as a file."""

    def to_json(self) -> str:
        """Return the file form."""


@dataclass
class ErrorLog:
    """Failures by class.

    Attributes:
        errors: Type of message, kind and message of an error to its class.
        exchanges: File name to the text of the file, of incorrect answers.
    """

    errors: dict[tuple[str, str, str], ErrorClass] = field(default_factory=dict)
    exchanges: dict[str, str] = field(default_factory=dict)
    _files: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def add(
        self, name: str, error: LoadFailure, seconds: float, sequence: StoredSequence | None, *, is_affected: bool
    ) -> None:
        """Count a failure.

        Args:
            name: Type of message.
            error: The failure.
            seconds: Seconds since measuring began, negative in the warm-up.
            sequence: Exchange of an incorrect answer.
            is_affected: Whether a fault of the run may have caused it.
        """
        message = str(error)[:LONGEST_MESSAGE]
        key = (name, error.kind, message)
        if key not in self.errors and len(self.errors) >= MOST_CLASSES:
            key = (name, error.kind, "and others")
        found = self.errors.get(key)
        if found is None:
            file = self._keep_exchange(key, sequence)
            found = ErrorClass(name, error.kind, key[2], 0, round(max(0.0, seconds), 3), file)
        self.errors[key] = replace(found, count=found.count + 1, in_faults=found.in_faults + is_affected)

    def _keep_exchange(self, key: tuple[str, str, str], sequence: StoredSequence | None) -> str:
        if key in self._files:  # kept before the last delta was taken
            return self._files[key]
        if sequence is None or len(self._files) >= MOST_EXCHANGES:
            return ""
        file = self._files[key] = f"{key[0].replace(' ', '-')}-{len(self._files) + 1}.json"
        self.exchanges[file] = SECRETS.text(sequence.to_json())
        return file

    def clear(self) -> None:
        """Begin anew; an exchange that was kept already is not kept again."""
        self.errors.clear()
        self.exchanges.clear()

    def merge(self, errors: Iterable[Mapping[str, Any]], exchanges: Mapping[str, str], prefix: str) -> None:
        """Add the log of another process.

        Args:
            errors: Classes of errors as plain data.
            exchanges: File name to the text of the file.
            prefix: Prefix of its files, whose names other processes may use as well.
        """
        for file, text in exchanges.items():
            self.exchanges[prefix + file] = text
        for error in errors:
            added = ErrorClass(**{**error, "exchange": prefix + error["exchange"] if error["exchange"] else ""})
            key = (added.series, added.kind, added.message)
            known = self.errors.get(key)
            self.errors[key] = added if known is None else _merged(known, added)


def _merged(one: ErrorClass, other: ErrorClass) -> ErrorClass:
    return replace(
        one,
        count=one.count + other.count,
        in_faults=one.in_faults + other.in_faults,
        first_seen=min(one.first_seen, other.first_seen),
        exchange=one.exchange or other.exchange,
    )
