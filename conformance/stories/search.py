"""The search for a story that goes wrong, and for the smallest one that still does."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from conformance.checks import SetupFailed, TargetLost, Violation
from conformance.record import current_case
from conformance.stories.file import Story
from conformance.stories.step import Step

EXAMPLES = 30
SHRINK_SECONDS = 60.0  # after which the smallest story so far is taken


def search(stories: SearchStrategy[list[Step]], kind: str, tell: Callable[[Story], None]) -> None:
    """Tell stories until one goes wrong; the same ones in every run.

    The smallest story that goes wrong is noted with the case, and is all that its record holds.

    Args:
        stories: strategy that draws them.
        kind: who can tell them.
        tell: tells one.

    Raises:
        Violation, SetupFailed, TargetLost: what the smallest story ended with.
    """
    smallest: list[Step] = []
    first_failure: list[float] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(stories)
    def go(steps: list[Step]) -> None:
        if first_failure and time.monotonic() - first_failure[0] > SHRINK_SECONDS and steps != smallest:
            return
        current_case().restart_record()
        try:
            tell(Story(kind, tuple(steps)))
        except (Violation, SetupFailed, TargetLost):
            smallest[:] = steps
            first_failure[:] = first_failure or [time.monotonic()]
            raise

    try:
        go()
    except (Violation, SetupFailed, TargetLost):
        current_case().story = Story(kind, tuple(smallest))
        raise
    except Flaky as flaky:
        current_case().story = Story(kind, tuple(smallest))
        seen = next((str(error) for error in getattr(flaky, "exceptions", ())), str(flaky))
        raise Violation("a story to go the same way each time that it is told", f"once: {seen}") from flaky
