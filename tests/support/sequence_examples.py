"""Print the sequences of the gate by kind, as JSON: drawn as in a run, and not executed.

This is a program of its own because the draws of Hypothesis depend on the loaded modules, which vary between
sessions of pytest.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import cast

from hanami_conformance.cases.step import Step
from hanami_conformance.options.profiles import GATE
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.property_runner import PropertyRunner, SearchState
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.suite import (
    test_call_sequences,
    test_content_sequences,
    test_direct_sequences,
    test_first_sequences,
    test_overlap_sequences,
    test_upload_sequences,
)

SEED = 0  # the default of a run


@dataclass(frozen=True)
class DrawingRunner(PropertyRunner):
    """A property runner that keeps the sequences in place of executing them."""

    drawn: dict[str, list[list[Step]]] = field(default_factory=dict)

    def _execute_no_steps(self, kind: str) -> None: ...

    def _execute(self, kind: str, steps: list[Step], state: SearchState) -> None:
        del state
        self.drawn.setdefault(kind, []).append(steps)


def main() -> None:
    """Draw the sequences and print them."""
    search = DrawingRunner(SearchSettings(GATE, SEED, 0.0, None), cast("ResourceFactory", None))
    test_upload_sequences.test_any_sequence_of_uploads_matches_the_model(search)
    test_direct_sequences.test_any_sequence_of_clusters_matches_the_model(search)
    test_first_sequences.test_any_first_message_is_accepted_or_rejected_correctly(search)
    test_call_sequences.test_any_call_does_what_it_says_or_is_rejected(search)
    test_content_sequences.test_any_content_becomes_a_dataset_or_is_rejected(search)
    test_overlap_sequences.test_any_overlapping_operations_have_an_order_that_explains_them(search)
    sequences = {
        kind: [[{"action": step.action, "arguments": step.arguments} for step in steps] for steps in sequences]
        for kind, sequences in search.drawn.items()
    }
    json.dump(sequences, sys.stdout)


if __name__ == "__main__":
    main()
