"""The profiles of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Extent of a run.

    Attributes:
        name: Value of ``--profile``.
        sequences: Number of sequences of each property, None for as many as the time allows.
        searches: Number of searches with each property; a further one goes on where a failure ended the one before it.
        most_steps: Largest number of steps of a sequence.
        largest_file: Approximate size of the largest file of a sequence, bytes.
        first_case_only: Whether each test runs only for the first of its parameters.
        random: Whether the sequences differ from run to run; the seed is printed.
        shrink_seconds: Time to shrink a failing sequence.
        row_seconds: Time for the rows of values of a case; those that are left then are reported as not covered.
        triples: Whether values meet in threes where their input model says so, and the costly ones meet all others.
        guided: Whether sequences are made from those that reached something new, some with few kinds of steps.
        pause_seconds: Length of the pause in cases that are silent for a while.
    """

    name: str
    sequences: int | None
    searches: int
    most_steps: int
    largest_file: int
    first_case_only: bool
    random: bool
    shrink_seconds: float
    row_seconds: float
    triples: bool
    guided: bool
    pause_seconds: float


SMOKE = Profile(
    name="smoke",
    sequences=4,
    searches=1,
    most_steps=8,
    largest_file=300_000,
    first_case_only=True,
    random=False,
    shrink_seconds=10.0,
    row_seconds=5.0,
    triples=False,
    guided=False,
    pause_seconds=1.0,
)
GATE = Profile(
    name="gate",
    sequences=80,
    searches=1,
    most_steps=16,
    largest_file=1_100_000,
    first_case_only=False,
    random=False,
    shrink_seconds=20.0,
    row_seconds=10.0,
    triples=False,
    guided=False,
    pause_seconds=6.5,
)
DEEP = Profile(
    name="deep",
    sequences=None,
    searches=3,
    most_steps=40,
    largest_file=4_000_000,
    first_case_only=False,
    random=True,
    shrink_seconds=300.0,
    row_seconds=600.0,
    triples=True,
    guided=True,
    pause_seconds=31.0,
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (SMOKE, GATE, DEEP)}
