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
        most_steps: Largest number of steps of a sequence.
        largest_file: Approximate size of the largest file of a sequence, bytes.
        first_case_only: Whether each test runs only for the first of its parameters.
        random: Whether the sequences differ from run to run; the seed is printed.
        shrink_seconds: Time to shrink a failing sequence.
    """

    name: str
    sequences: int | None
    most_steps: int
    largest_file: int
    first_case_only: bool
    random: bool
    shrink_seconds: float


SMOKE = Profile(
    name="smoke",
    sequences=4,
    most_steps=8,
    largest_file=300_000,
    first_case_only=True,
    random=False,
    shrink_seconds=10.0,
)
GATE = Profile(
    name="gate",
    sequences=80,
    most_steps=16,
    largest_file=1_100_000,
    first_case_only=False,
    random=False,
    shrink_seconds=20.0,
)
DEEP = Profile(
    name="deep",
    sequences=None,
    most_steps=40,
    largest_file=4_000_000,
    first_case_only=False,
    random=True,
    shrink_seconds=300.0,
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (SMOKE, GATE, DEEP)}
