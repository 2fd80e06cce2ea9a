"""Coverage of the input models in a run: the pairs of values that met in judged rows, and those that did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hanami_reports.common.text import pluralise


@dataclass(frozen=True)
class NotCovered:
    """Pairs of values that did not meet for one reason.

    Attributes:
        value: Value that all of the pairs have, such as ``body = one chunk``.
        others: Other value of each pair.
        reason: Reason why they did not meet, one line.
    """

    value: str
    others: tuple[str, ...]
    reason: str

    def pairs(self) -> Iterator[str]:
        """Yield the pairs as text."""
        return (f"{self.value} and {other}" for other in self.others)


@dataclass(frozen=True)
class ModelCoverage:
    """Coverage of the input model of one workflow.

    Attributes:
        name: Name of the model.
        title: Description of the workflow.
        dimensions: Number of dimensions.
        values: Number of values of all dimensions.
        rows: Number of executed rows.
        pairs: Number of pairs of values of different dimensions.
        covered: Number of pairs that met in a row of a case with a verdict.
        excluded: Pairs that cannot meet, or not on this target or in this profile.
        missing: Pairs that could meet, and did not.
    """

    name: str
    title: str
    dimensions: int
    values: int
    rows: int
    pairs: int
    covered: int
    excluded: tuple[NotCovered, ...] = ()
    missing: tuple[NotCovered, ...] = ()

    @property
    def possible(self) -> int:
        """Number of pairs that could meet in this run."""
        return self.covered + count(self.missing)

    def reasons(self) -> Mapping[str, int]:
        """Return the number of pairs that did not meet by the reason, the most frequent one first."""
        counts: Counter[str] = Counter()
        for entry in (*self.missing, *self.excluded):
            counts[entry.reason] += len(entry.others)
        return dict(counts.most_common())

    def summary(self) -> str:
        """Return the figures on one line."""
        pairs = f"{self.covered:,} of {self.possible:,} pairs that can meet, in {pluralise(self.rows, 'row')}"
        return f"{self.title}: {pairs}; {count(self.excluded):,} more excluded"


def count(entries: Sequence[NotCovered]) -> int:
    """Return the number of pairs."""
    return sum(len(entry.others) for entry in entries)
