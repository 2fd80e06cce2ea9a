"""Prints the sequences that the gate draws, kind by kind, as JSON: drawn as in a run, and told to nobody.

A program of its own, since what Hypothesis draws depends on the modules that are loaded, and in a session of pytest
these are others from time to time.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import cast

from hanami_conformance.cases.step import Step
from hanami_conformance.options.profiles import GATE
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.property_runner import PropertyRunner, SearchSettings, SearchState
from hanami_conformance.suite import (
    test_call_sequences,
    test_content_sequences,
    test_direct_sequences,
    test_first_sequences,
    test_upload_sequences,
)

SEED = 0  # of a run that is told no other


@dataclass(frozen=True)
class Listening(PropertyRunner):
    """A search that writes down what is drawn in place of telling it."""

    heard: dict[str, list[list[Step]]] = field(default_factory=dict)

    def _tell(self, kind: str, steps: list[Step], found: SearchState) -> None:
        del found
        self.heard.setdefault(kind, []).append(steps)


def main() -> None:
    """Draw, print."""
    search = Listening(SearchSettings(GATE, SEED, 0.0, None), cast("ResourceFactory", None))
    test_upload_sequences.test_any_sequence_of_uploads_goes_as_the_model_says(search)
    test_direct_sequences.test_any_sequence_of_clusters_goes_as_the_model_says(search)
    test_first_sequences.test_any_first_message_is_accepted_or_refused_as_it_must_be(search)
    test_call_sequences.test_any_call_does_what_it_says_or_is_refused(search)
    test_content_sequences.test_any_content_becomes_a_dataset_or_is_refused(search)
    sequences = {
        kind: [[{"do": step.do, "with": step.with_} for step in sequence] for sequence in told]
        for kind, told in search.heard.items()
    }
    json.dump(sequences, sys.stdout)


if __name__ == "__main__":
    main()
