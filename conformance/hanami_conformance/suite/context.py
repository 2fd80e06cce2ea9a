"""What a run hands to the cases: the target, and how they may use it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hanami_conformance.resources.factory import Leftover
from hanami_conformance.stateful.property_runner import SearchSettings
from hanami_conformance.target.target import Target


@dataclass(frozen=True)
class SuiteContext:
    """What every case of a run shares.

    Attributes:
        target: The target, reached and logged in to.
        run_id: Part of the name of everything that the run creates on the target.
        destructive: Whether requests that may end a fragile server are allowed.
        plan: How sequences of steps are drawn.
        leftovers: Resources on the target that a case could not delete; filled by the cases.
    """

    target: Target
    run_id: str
    destructive: bool
    plan: SearchSettings
    leftovers: list[Leftover]


# Where the session puts it before the first case: the suite knows nothing of the session.
CONTEXT = pytest.StashKey[SuiteContext]()
