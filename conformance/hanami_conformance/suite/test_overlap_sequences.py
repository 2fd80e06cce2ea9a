"""Overlap: generated operations at the same time are explained by some order of them."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.failures import DifferentAnswer
from hanami_conformance.catalogue import requirement
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.strategies.overlap import overlap_sequences
from hanami_conformance.suite.support.clusters import expect_stable_answers
from hanami_conformance.suite.support.markers import searches


@requirement("FIN-5", "FIN-7", "FIN-1", "PROG-2", "PROG-3", "DEL-1", "DATA-4", "DATA-8", "DATA-9", "INIT-4")
@requirement("MODE-1", "DIO-10", "DIO-14", "GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.may_violate("FIN-2", "FIN-3", "DATA-1", "PROG-1", "DIO-3", "DIO-7")  # what fails without overlap as well
@searches
def test_any_overlapping_operations_have_an_order_that_explains_them(search: PropertyRunner) -> None:
    """Operations at the same time are answered, and take effect, as in some order one after the other."""
    try:
        most_steps = search.settings.profile.most_steps
        search("overlap", overlap_sequences(most_steps, restarts=search.restarts), weight=0.5)
    except DifferentAnswer:
        expect_stable_answers(search.resources)
        raise
