"""Corpus of a search: the sequences that reached what none before them did, from which further ones are made."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import SequenceError, Step

Reached = tuple[str, str]  # a step and the state of the model in which it was executed, and the kinds of its answers
MOST_KEPT = 200  # files of a kind


@dataclass
class Corpus:
    """The corpus of one kind of sequences.

    Attributes:
        kind: Kind of the sequences.
        folder: Folder in which the sequences are kept for later runs, a file for each; None for none.
        sequences: Steps of the sequences of this run.
        counts: Number of sequences that reached each pair.
    """

    kind: str
    folder: Path | None
    sequences: list[tuple[Step, ...]] = field(default_factory=list)
    counts: Counter[Reached] = field(default_factory=Counter)

    def stored(self) -> Iterator[tuple[Step, ...]]:
        """Yield the sequences that earlier runs kept, and delete files that hold none."""
        for path in sorted(self.folder.glob("*.json")) if self.folder is not None else ():
            with contextlib.suppress(OSError):
                try:
                    sequence = StepSequence.from_json(path.read_text(encoding="utf-8"))
                except (UnicodeError, SequenceError):
                    path.unlink()
                else:
                    yield sequence.steps

    def note(self, steps: Sequence[Step], reached: Sequence[Reached]) -> float:
        """Note what a sequence reached; it is kept if it is the first one that reached something, and only then.

        Args:
            steps: Steps of the sequence.
            reached: What each of them reached, in order.

        Returns:
            How rare that is: the sum over all pairs of one divided by the number of sequences that reached the pair.
        """
        first_new = [place for place, pair in enumerate(reached) if not self.counts[pair]]
        self.counts.update(set(reached))
        # What comes after the last step that reached something new would only make further sequences longer.
        kept = tuple(steps[: first_new[-1] + 1]) if first_new else ()
        if kept:
            self.sequences.append(kept)
        if self.folder is not None:
            self._store(self.folder, tuple(steps), kept)
        return sum(1 / self.counts[pair] for pair in set(reached))

    def _store(self, folder: Path, steps: tuple[Step, ...], kept: tuple[Step, ...]) -> None:
        """Store what is kept of a sequence, and drop the file of the sequence itself if there is one."""
        with contextlib.suppress(OSError):  # a search goes on where nothing can be kept
            if kept != steps:
                self._path(folder, steps).unlink(missing_ok=True)
            if kept and len(self.sequences) <= MOST_KEPT:
                folder.mkdir(parents=True, exist_ok=True)
                self._path(folder, kept).write_text(self._text(kept), encoding="utf-8")

    def _path(self, folder: Path, steps: tuple[Step, ...]) -> Path:
        return folder / f"{hashlib.sha256(self._text(steps).encode()).hexdigest()[:16]}.json"

    def _text(self, steps: tuple[Step, ...]) -> str:
        return StepSequence(self.kind, steps).to_json()
