"""Reduction of a failing sequence to the steps that the failure needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hanami_conformance.cases.step import Step


def drop_steps(
    steps: Sequence[Step], fails: Callable[[list[Step]], bool], is_over: Callable[[], bool]
) -> tuple[list[Step], bool]:
    """Drop every step, from the last one on, without which the failure stays the same.

    Args:
        steps: Steps of a sequence that fails.
        fails: Function that returns whether a shorter sequence fails in the same way.
        is_over: Function that returns whether the time is over.

    Returns:
        The steps that are left, and whether any was dropped.
    """
    left = list(steps)
    place = len(left) - 1
    while place >= 0 and not is_over():
        shorter = left[:place] + left[place + 1 :]
        if fails(shorter):
            left = shorter
        place -= 1
    return left, len(left) < len(steps)
