"""Attach: generated first messages are accepted or rejected correctly."""

from __future__ import annotations

import pytest

from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.strategies.first_messages import first_sequences
from hanami_conformance.suite.support.markers import searches

pytestmark = pytest.mark.parallel


@requirement("ATT-2", "ATT-3", "ATT-4", "ATT-5", "ATT-6", "ATT-7", "GEN-2")
@pytest.mark.hostile
@pytest.mark.may_violate("PROG-1")
@searches
def test_any_first_message_is_accepted_or_rejected_correctly(search: PropertyRunner) -> None:
    """A valid first message is accepted, and any other one is rejected."""
    search("first", first_sequences(search.settings.profile.most_steps), weight=3)
