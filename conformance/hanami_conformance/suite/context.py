"""The objects that the session hands to the cases."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hanami_conformance.combinations.coverage import CoverageLog
from hanami_conformance.resources.factory import Leftover
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.target.server_control import ServerControl
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
        server: Control of the server; None where the suite does not start it.
        coverage: Rows of the input models that were executed; filled by the cases.
    """

    target: Target
    run_id: str
    destructive: bool
    search_settings: SearchSettings
    leftovers: list[Leftover]
    server: ServerControl | None = None
    coverage: CoverageLog = field(default_factory=CoverageLog)


# The session stores the context here before the first case, because the suite does not import the session.
CONTEXT = pytest.StashKey[SuiteContext]()
