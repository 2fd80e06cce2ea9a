"""Direct interaction: generated sequences match the model."""

from __future__ import annotations

import pytest

from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.strategies.direct_io import direct_sequences
from hanami_conformance.suite.support.markers import searches

pytestmark = pytest.mark.parallel


@requirement("DIO-3", "DIO-2", "DIO-4", "DIO-5", "DIO-6", "DIO-7", "DIO-8", "DIO-9", "DIO-10", "DIO-11", "DIO-12")
@requirement("DIO-14", "MODE-1", "ATT-4", "GEN-3")
@pytest.mark.hostile
@pytest.mark.may_violate("ATT-2")
@searches
def test_any_sequence_of_clusters_matches_the_model(search: PropertyRunner) -> None:
    """Whatever clients do with several clusters, the answers match the model."""
    profile = search.settings.profile
    search("direct", direct_sequences(profile.most_steps, swarm=profile.guided, restarts=search.restarts), weight=2)
