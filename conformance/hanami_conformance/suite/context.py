"""The objects that the session hands to the cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hanami_conformance.resources.factory import Leftover
from hanami_conformance.stateful.property_runner import SearchSettings
from hanami_conformance.target.target import Target


@dataclass(frozen=True)
class SuiteContext:
    """Context that all cases of a run share.

    Attributes:
        target: Target with its accounts logged in.
        run_id: Part of the name of every resource that the run creates on the target.
        destructive: Whether requests that may crash a fragile server are allowed.
        search_settings: Settings of the search for failing sequences.
        leftovers: Resources on the target that a case could not delete; filled by the cases.
        restart: Function that restarts the server and logs the accounts in; None where the suite does not start it.
    """

    target: Target
    run_id: str
    destructive: bool
    search_settings: SearchSettings
    leftovers: list[Leftover]
    restart: Callable[[], None] | None = None


# The session stores the context here before the first case, because the suite does not import the session.
CONTEXT = pytest.StashKey[SuiteContext]()
