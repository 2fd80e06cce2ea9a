"""The gate draws sequences of every kind, with every kind of step, and as long as its profile says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from hanami_conformance.cases.step import Step
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.options.profiles import GATE
from hanami_conformance.stateful.executors import dataset_contents as content_executor
from hanami_conformance.stateful.executors import direct_io as direct_executor
from hanami_conformance.stateful.executors import first_messages as first_message_executor
from hanami_conformance.stateful.executors import overlapping_operations as overlap_executor
from hanami_conformance.stateful.executors import rest_calls as call_executor
from hanami_conformance.stateful.executors import uploads as upload_executor
from hanami_conformance.stateful.server_steps import HOW
from support.paths import ROOT
from tools.reference import TIMEOUT, clean_environment

ACTIONS: Mapping[str, set[str]] = {
    "upload": {
        *upload_executor.UploadExecutor.socket_actions,
        *upload_executor.UploadExecutor.upload_actions,
        *upload_executor.UploadExecutor.actions,
    },
    "direct": {"cluster", *direct_executor.DirectIoExecutor.actions},
    "first": set(first_message_executor.FirstMessageExecutor.actions),
    "call": set(call_executor.RestCallExecutor.actions),
    "content": set(content_executor.DatasetContentExecutor.actions),
    "overlap": set(overlap_executor.ACTIONS),
}


@pytest.fixture(scope="module")
def gate_sequences() -> dict[str, list[list[Step]]]:
    """The sequences of the gate, by kind."""
    run = subprocess.run(
        [sys.executable, ROOT / "tests" / "support" / "sequence_examples.py"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return {
        kind: [[Step(step["action"], step["arguments"]) for step in sequence] for sequence in sequences]
        for kind, sequences in json.loads(run.stdout).items()
    }


def steps_of(sequences: Mapping[str, Sequence[Sequence[Step]]], kind: str) -> list[Step]:
    return [step for sequence in sequences[kind] for step in sequence]


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_kind_of_step_is_drawn_in_the_gate(kind: str, gate_sequences: dict[str, list[list[Step]]]) -> None:
    drawn = {step.action for step in steps_of(gate_sequences, kind)}
    assert drawn == ACTIONS[kind] - {"suspend", *HOW}, "restarts take too long for the gate"


def test_there_are_as_many_sequences_in_the_gate_as_the_profile_says(
    gate_sequences: dict[str, list[list[Step]]],
) -> None:
    weights = {"upload": 1.5, "direct": 2, "first": 3, "call": 2, "content": 0.5, "overlap": 0.5}
    assert GATE.sequences is not None
    assert {kind: len(sequences) / GATE.sequences for kind, sequences in gate_sequences.items()} == weights


def test_sequences_begin_as_they_must_and_are_no_longer_than_the_profile_says(
    gate_sequences: dict[str, list[list[Step]]],
) -> None:
    beginnings = {"upload": ["begin", "attach"], "direct": ["cluster"]}
    for kind, sequences in gate_sequences.items():
        begin = beginnings.get(kind, [])
        assert all([step.action for step in sequence[: len(begin)]] == begin for sequence in sequences), kind
        around = 7 if kind == "upload" else len(begin)  # beginning, an intruder, and an end
        assert max(map(len, sequences)) <= GATE.most_steps + around, kind


def test_files_of_the_gate_are_small_and_large_and_chunks_at_the_edges(
    gate_sequences: dict[str, list[list[Step]]],
) -> None:
    steps = steps_of(gate_sequences, "upload")
    sizes = [step.int_argument("size") for step in steps if step.action == "begin"]
    spans = [
        (step.int_argument("position"), step.int_argument("length"))
        for step in steps
        if step.action in ("write", "fragments")
    ]
    spans += [
        (one[0], one[1]) for step in steps if step.action == "pipeline" for one in step.int_tuples_argument("chunks", 3)
    ]
    fills = [step.int_argument("chunk") for step in steps if step.action in ("fill", "interleave")]
    assert min(sizes) == 1
    assert any(SEGMENT < size < 3 * SEGMENT for size in sizes)
    assert max(sizes) > 1_000_000
    assert any(position > max(sizes) for position, _ in spans)
    assert any(position >= 2**63 for position, _ in spans)
    assert any(position % SEGMENT and 0 < length < SEGMENT for position, length in spans)
    assert any(length > SEGMENT for _, length in spans)
    assert any(length == 1 for _, length in spans)
    assert 1 in fills
    assert max(fills) > SEGMENT
