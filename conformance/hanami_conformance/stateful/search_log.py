"""What the searches of a run have found and reached, so that later ones go on where they ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.corpus import Corpus

SequenceFailure = Violation | PreconditionFailed | TargetDown
Identity = tuple[type[BaseException], str | None]


def identity(error: SequenceFailure) -> Identity:
    """Return what must stay the same about a failure while its sequence shrinks."""
    return type(error), error.failure_key or error.requirement if isinstance(error, Violation) else None


@dataclass(frozen=True)
class FoundFailure:
    """A failure that a search has found.

    Attributes:
        search: Number of the search.
        identity: Identity of the failure.
        actions: Actions of the smallest sequence that fails so.
    """

    search: int
    identity: Identity
    actions: frozenset[str]

    def explains(self, error: SequenceFailure, steps: Sequence[Step]) -> bool:
        """Return whether a sequence fails because of the same steps."""
        actions = {step.action for step in steps}
        return bool(self.actions) and self.actions <= actions and self.identity == identity(error)


@dataclass
class SearchLog:
    """The searches of a run, each attribute by the kind of their sequences.

    Attributes:
        found: Failures that were found.
        unused: Seconds that earlier searches did not use, because they ended with a failure.
        corpora: Sequences that reached something new.
    """

    found: dict[str, list[FoundFailure]] = field(default_factory=lambda: defaultdict(list))
    unused: dict[str, float] = field(default_factory=dict)
    corpora: dict[str, Corpus] = field(default_factory=dict)

    def is_known(self, kind: str, search: int, error: SequenceFailure, steps: Sequence[Step]) -> bool:
        """Return whether a search before this one has found the failure of a sequence."""
        return any(found.search < search and found.explains(error, steps) for found in self.found[kind])

    def note(self, kind: str, search: int, error: SequenceFailure, steps: Sequence[Step]) -> None:
        """Note the failure that a search ends with."""
        self.found[kind].append(FoundFailure(search, identity(error), frozenset(step.action for step in steps)))

    def corpus(self, kind: str, folder: Path | None) -> Corpus:
        """Return the corpus of a kind of sequences.

        Args:
            kind: Kind of the sequences.
            folder: Folder for the corpora of all kinds, None to keep none.
        """
        if kind not in self.corpora:
            self.corpora[kind] = Corpus(kind, None if folder is None else folder / kind)
        return self.corpora[kind]
