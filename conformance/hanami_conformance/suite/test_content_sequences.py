"""Upload, step 5: generated contents are merged and read back, or rejected."""

from __future__ import annotations

import pytest

from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.strategies.dataset_contents import content_sequences
from hanami_conformance.suite.support.markers import searches

pytestmark = pytest.mark.parallel


@requirement("FIN-1", "FIN-6", "PROG-3", "GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.may_violate("FIN-2", "PROG-1")  # where the content can't be read back, the values are not compared
@searches
def test_any_content_becomes_a_dataset_or_is_rejected(search: PropertyRunner) -> None:
    """Valid tables and images are merged value for value, and invalid ones are rejected."""
    search("content", content_sequences(search.settings.profile.most_steps), weight=0.5)
