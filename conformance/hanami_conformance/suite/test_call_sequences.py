"""General: generated REST calls do what they say, or are rejected and change nothing."""

from __future__ import annotations

import pytest

from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.strategies.rest_calls import call_sequences
from hanami_conformance.suite.support.markers import searches

pytestmark = pytest.mark.parallel


@requirement("GEN-1", "GEN-2", "INIT-1", "INIT-2", "INIT-4", "INIT-5", "INIT-6", "PROG-2", "PROG-4", "FIN-4")
@requirement("MODE-1", "MODE-2")
@pytest.mark.hostile
@pytest.mark.may_violate("PROG-1", "GEN-3")  # that nobody gets a list says little of isolation
@searches
def test_any_call_does_what_it_says_or_is_rejected(search: PropertyRunner) -> None:
    """A valid call does what it says, and any other one is rejected with a reason."""
    search("call", call_sequences(search.settings.profile.most_steps), weight=2)
