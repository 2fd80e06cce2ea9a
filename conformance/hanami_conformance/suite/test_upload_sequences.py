"""Upload: generated sequences match the model."""

from __future__ import annotations

import pytest

from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.strategies.uploads import upload_sequences
from hanami_conformance.suite.support.markers import searches

pytestmark = pytest.mark.parallel


@requirement("DATA-1", "DATA-2", "DATA-3", "DATA-4", "DATA-5", "DATA-6", "DATA-7", "DATA-8", "DATA-9", "DATA-10")
@requirement("DATA-11", "PROG-1", "PROG-2", "PROG-3", "PROG-4", "FIN-1", "FIN-3", "FIN-4", "FIN-5", "FIN-7", "DEL-1")
@requirement("ATT-2", "ATT-4", "GEN-3", "GEN-4")
@pytest.mark.hostile
@pytest.mark.may_violate("FIN-2")  # where the content can't be read back, the values are not compared
@searches
def test_any_sequence_of_uploads_matches_the_model(search: PropertyRunner) -> None:
    """Whatever clients do with several uploads, progress, answers and datasets match the model."""
    profile = search.settings.profile
    sequences = upload_sequences(
        profile.most_steps, profile.largest_file, swarm=profile.guided, restarts=search.restarts
    )
    search("upload", sequences, weight=1.5)
