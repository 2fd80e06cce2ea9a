"""Settings of the search for failing sequences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hanami_conformance.options.profiles import Profile
from hanami_conformance.stateful.search_log import SearchLog


@dataclass(frozen=True)
class SearchSettings:
    """Settings of the search for failing sequences in a run.

    Attributes:
        profile: Number and length of the sequences.
        seed: Seed of the sequences, together with their kind.
        seconds: Time for each property, if the profile gives no number of sequences.
        database: Folder of failing sequences, None for no database.
        on_example: Function that is called after each sequence with the seconds left for its kind, infinite for any.
        destructive: Whether steps that crash fragile servers are executed.
        searches_only: Whether the first failure ends a case, without shrinking and without a trace in the database: the
            case runs again in another process.
        log: Searches of the run so far.
    """

    profile: Profile
    seed: int
    seconds: float
    database: Path | None
    on_example: Callable[[float], None] = lambda left: None  # noqa: ARG005
    destructive: bool = True
    searches_only: bool = False
    log: SearchLog = field(default_factory=SearchLog)

    def seed_for(self, kind: str, search: int, number: int) -> int:
        """Return the seed of a round of a search.

        Args:
            kind: Kind of the sequences.
            search: Number of the search, from 1.
            number: Number of the round, from 0.
        """
        further = f"/{search}" if search > 1 else ""
        text = f"{self.seed}/{kind}/{number}{further}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
