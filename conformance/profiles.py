"""Profiles: how much a run tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_PROFILE = "gate"


@dataclass(frozen=True)
class Profile:
    """How much a run tries.

    Attributes:
        name: as ``--profile`` takes it.
        title: one line for people.
        stories: of each property, None for as many as the time allows.
        most_steps: of a story.
        first_case_only: whether each test runs for the first of its parameters alone.
        random: whether the stories differ from run to run; the seed is told.
        shrink_seconds: after which the smallest story so far is taken.
    """

    name: str
    title: str
    stories: int | None
    most_steps: int
    first_case_only: bool
    random: bool
    shrink_seconds: float


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("smoke", "one case of each test, few stories", 4, 8, True, False, 10.0),
        Profile("gate", "every case, the same stories in every run", 40, 12, False, False, 60.0),
        Profile("deep", "every case, other stories in every run, for as long as asked", None, 40, False, True, 300.0),
    )
}
