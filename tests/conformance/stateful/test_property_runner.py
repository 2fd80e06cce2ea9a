"""Failing sequences are found, shrunk, stored, and replayed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import SearchStrategy, just, lists, sampled_from

from hanami_conformance.cases.attribution import attribute_to_steps
from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import CaseRecording, begin_case, current_case, end_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.options.profiles import PROFILES
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful import property_runner
from hanami_conformance.stateful.executors.uploads import UploadExecutor
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.pytest_export import to_pytest
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.stateful.strategies.rest_calls import call_sequences
from hanami_conformance.stateful.strategies.uploads import upload_sequences
from hanami_conformance.stateful.upload_state import missing_spans, mnist_files
from support.suite_runs import faulty_backend, in_pytest, result_of, run_suite
from tools.reference import ALICE, TIMEOUT, clean_environment

CASE = "test_upload_sequences.py::test_any_sequence_of_uploads_matches_the_model"


@given(upload_sequences(12, 2_000_000))
def test_a_sequence_survives_its_file(steps: list[Step]) -> None:
    sequence = StepSequence("upload", tuple(steps), "documented", "PROG-2", 'expected "a"', "b\n")
    for recurred in (None, True, False):
        kept = replace(sequence, recurred_alone=recurred)
        assert StepSequence.from_json(kept.to_json()) == kept
    known = {*UploadExecutor.socket_actions, *UploadExecutor.upload_actions, *UploadExecutor.actions}
    assert {step.action for step in steps} <= known


EMPTY_SEQUENCE = {"format": "hanami-conformance-sequence", "format_version": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a sequence"),
        ("[]", '"format" is not'),
        ('{"format": "hanami-conformance-sequence", "format_version": 7}', "format version 7"),
        ('{"format": "hanami-conformance-sequence", "format_version": 1, "kind": 1, "steps": []}', "must be texts"),
        ('{"format": "hanami-conformance-sequence", "format_version": 1, "kind": "upload"}', "steps a list"),
        (
            '{"format": "hanami-conformance-sequence", "format_version": 1, "kind": "upload", "steps": [1]}',
            "not a step",
        ),
        (json.dumps({**EMPTY_SEQUENCE, "kind": "upload", "steps": [], "recurred_alone": "yes"}), "true, false or null"),
    ],
)
def test_text_that_is_no_sequence_is_rejected(text: str, message: str) -> None:
    with pytest.raises(SequenceError, match=message):
        StepSequence.from_json(text)


def test_a_file_of_an_earlier_version_does_not_say_whether_its_failure_recurred() -> None:
    old = json.dumps({**EMPTY_SEQUENCE, "kind": "upload", "steps": []})
    assert StepSequence.from_json(old).recurred_alone is None


@pytest.mark.parametrize(
    "step",
    [Step("write"), Step("write", {"socket": -1}), Step("write", {"socket": True}), Step("write", {"socket": "1"})],
)
def test_wrong_parts_of_a_step_are_named(step: Step) -> None:
    with pytest.raises(SequenceError, match="step 'write': socket must be a whole number"):
        step.int_argument("socket")


def test_gaps_are_cut_into_chunks() -> None:
    known = np.array([0, 0, 0, 1, 0, 1, 1, 0, 0], dtype=bool)
    assert missing_spans(known, 2) == [(0, 2), (2, 3), (4, 5), (7, 9)]
    assert missing_spans(np.ones(3, dtype=bool), 2) == []


@pytest.mark.parametrize(("size", "count"), [(17, 1), (17, 3), (131088, 1), (1000, 3)])
def test_files_of_a_sequence_are_as_large_as_they_say(size: int, count: int) -> None:
    files = mnist_files(size, count)
    assert len(files["label"]) == 8 + count
    assert (len(files["input"]) - 16) % count == 0
    assert len(files["input"]) == max(16 + count, size - (size - 16) % count)


def run_replay(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hanami_conformance.cli.main", "replay", str(path), *options],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.fixture(scope="module")
def boundary_sequence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The sequence that a lost boundary byte leaves, and the server that loses it."""
    folder = tmp_path_factory.mktemp("boundary")
    with faulty_backend("loses-boundary-bytes") as url:
        run = run_suite("--target", url, *ALICE, "--case", CASE, cwd=folder)
        assert run.returncode == 1, run.stdout + run.stderr
        assert "hanami-conformance replay reports/latest/exchanges/" in run.stdout
        (case,) = result_of(folder)["cases"]
        assert case["outcome"] == "failed"
        (path,) = (folder / "reports" / "latest" / "exchanges").glob("*.json")
        yield path, url


def test_a_lost_boundary_byte_shrinks_to_a_few_steps(boundary_sequence: tuple[Path, str]) -> None:
    sequence = json.loads(boundary_sequence[0].read_text())
    assert len(sequence["steps"]) <= 4, sequence
    assert "131055" in sequence["actual"] or "values differ" in sequence["actual"]


def test_replay_says_still_failing(boundary_sequence: tuple[Path, str]) -> None:
    path, url = boundary_sequence
    run = run_replay(path, "--target", url, *ALICE)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "still failing: expected column 'picture'" in run.stdout
    assert "PUT /v1/mnist/dataset" in run.stdout


def test_replay_says_fixed(boundary_sequence: tuple[Path, str]) -> None:
    run = run_replay(boundary_sequence[0], "--target", "reference")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("fixed: ")


def test_a_sequence_is_repeated_until_a_sporadic_failure(tmp_path: Path) -> None:
    # Ten requests: a single execution most likely passes, the hundredth output of the server fails.
    requests = [Step("request", {"cluster": 0, "values": 1, "order": 0})] * 10
    sequence = StepSequence(
        "direct", (Step("cluster", {"inputs": [4], "outputs": [3], "hidden": 5, "user": 0}), *requests)
    )
    path = tmp_path / "sequence.json"
    path.write_text(sequence.to_json())
    with faulty_backend("one-answer-in-a-hundred-wrong") as url:
        run = run_replay(path, "--target", url, *ALICE, "--times", "30")
    assert run.returncode == 1, run.stdout + run.stderr
    assert " in replay " in run.stdout.splitlines()[-1]
    run = run_replay(path, "--target", "reference", "--times", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout == "fixed: 11 steps agreed with the model, 3 times\n"


def test_replay_says_target_gone(boundary_sequence: tuple[Path, str]) -> None:
    run = run_replay(boundary_sequence[0], "--target", "http://127.0.0.1:1", *ALICE)
    assert run.returncode == 6
    assert run.stdout.startswith("target down: no connection to http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read"),
        ("no json", "not a sequence"),
        (
            '{"format": "hanami-conformance-sequence", "format_version": 1, "kind": "film", "steps": []}',
            "of kind 'film'",
        ),
        (
            json.dumps({**EMPTY_SEQUENCE, "kind": "upload", "steps": [{"action": "fly"}]}),
            "step 'fly': no such step",
        ),
    ],
)
def test_replay_of_a_wrong_file_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "sequence.json"
    if text is not None:
        path.write_text(text)
    run = run_replay(path, "--target", "reference")
    assert run.returncode == 4, run.stdout + run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_a_sequence_is_exported_as_a_test_that_fails_until_the_fix(
    boundary_sequence: tuple[Path, str], tmp_path: Path
) -> None:
    path, url = boundary_sequence
    printed = run_replay(path, "--as-pytest")
    assert printed.returncode == 0, printed.stderr
    (tmp_path / "test_kept.py").write_text(printed.stdout)
    for target, status in (((url, *ALICE), 1), (("reference",), 0)):
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "test_kept.py",
                *in_pytest("--target", *target),
            ],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert run.returncode == status, run.stdout + run.stderr
        assert ("FileUpload position=" in run.stdout) == bool(status)
        assert "very-secret-1" not in run.stdout


def test_a_printed_sequence_is_the_sequence() -> None:
    values = [
        "\U0001f600",
        "\u00e4\ud800",
        'a "quote" \\ \n',
        float("inf"),
        -float("inf"),
        1.5,
        None,
        {"\U0001f600": [True]},
    ]
    sequence = StepSequence("call", (Step("object", {"operation": "csv.init", "body": {"x": values}}),))
    names: dict[str, StepSequence] = {}
    exec(compile(to_pytest(sequence), "printed", "exec"), names)
    assert names["SEQUENCE"].steps == sequence.steps


def test_a_search_without_time_executes_nothing_and_fails_nothing() -> None:
    plan = SearchSettings(PROFILES["deep"], seed=1, seconds=-1.0, database=None)
    before = current_case().sequences
    PropertyRunner(plan, ResourceFactory(None, "aaaa1111"))("call", call_sequences(3))  # type: ignore[arg-type]
    assert current_case().sequences == before


ANY_STEPS = lists(sampled_from([Step("read"), Step("write"), Step("damage")]), min_size=0, max_size=6)


class Server:
    """A server that fails a sequence of which some step is of a kind, and what it does from then on.

    Args:
        kind: Action of the steps that fail; empty for all sequences, also those without steps.
        lasting: Whether every sequence fails after the first that failed.
        once: Whether no sequence fails after it.
    """

    def __init__(self, kind: str, *, lasting: bool = False, once: bool = False) -> None:
        self.kind, self.lasting, self.once = kind, lasting, once
        self.failures = 0
        self.target = SimpleNamespace(is_alive=lambda: True, disconnect_reason=lambda _: "")

    def execute(self, sequence: StepSequence, resources: object) -> None:
        assert resources is self
        current_case().sent_event("rest-1", "http", f"{len(sequence.steps)} steps")
        fails = any(step.action == self.kind for step in sequence.steps) if self.kind else True
        fails = (fails or (self.lasting and self.failures > 0)) and not (self.once and self.failures)
        if not fails:
            return
        self.failures += 1
        with attribute_to_steps(sequence.steps, "GEN-2", default="FIN-1"):
            raise Violation("the content that was sent", "another one", "FIN-2")


def search(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    steps: SearchStrategy[list[Step]] = ANY_STEPS,
    shrink_seconds: float = 5.0,
) -> tuple[Violation, CaseRecording]:
    """Search for a failing sequence; return the failure and the recording of the case."""
    monkeypatch.setattr(property_runner, "execute", server.execute)
    case = begin_case("test")
    profile = replace(PROFILES["gate"], sequences=50, shrink_seconds=shrink_seconds)
    runner = PropertyRunner(SearchSettings(profile, seed=1, seconds=0.0, database=None), server)  # type: ignore[arg-type]
    try:
        with pytest.raises(Violation) as caught:
            runner("upload", steps)
    finally:
        end_case()
    return caught.value, case


def recurred_alone(case: CaseRecording) -> bool | None:
    assert case.sequence is not None
    return case.sequence.recurred_alone


def actions(case: CaseRecording) -> list[str]:
    assert case.sequence is not None
    return [step.action for step in case.sequence.steps]


def test_what_fails_without_any_step_is_not_the_effect_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    violation, case = search(Server(""), monkeypatch)
    assert (violation.requirement, actions(case), case.sequences) == ("FIN-2", [], 1)


def test_a_failure_of_a_step_is_shrunk_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    violation, case = search(Server("damage"), monkeypatch)
    assert (violation.requirement, actions(case)) == ("GEN-2", ["damage"])
    assert recurred_alone(case) is True


def test_a_failure_that_lasts_is_not_shrunk_to_sequences_that_fail_only_because_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server("damage", lasting=True)
    violation, case = search(server, monkeypatch)
    assert violation.requirement == "GEN-2"
    assert "damage" in actions(case)
    assert recurred_alone(case) is None, "it was not repeated"
    assert server.failures == 2, "the sequence, and the one without steps"
    assert [event.text() for event in case.events] == [f"{len(actions(case))} steps"]


def test_a_failure_that_happened_once_is_not_attributed_to_the_steps_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    violation, case = search(Server("damage", once=True), monkeypatch)
    assert recurred_alone(case) is False
    assert violation.requirement == "FIN-2"
    assert violation.actual == "another one (not reproducible: the replay passed)"


def test_a_failure_that_names_no_requirement_keeps_that_of_its_step() -> None:
    unnamed = Violation("a", "b")
    unnamed.reattribute("DATA-1")
    named = Violation("a", "b", "FIN-1")
    named.reattribute("FIN-4")
    assert (unnamed.checked_requirement, named.checked_requirement) == ("DATA-1", "FIN-1")
    assert Violation("a", "b", "FIN-1").checked_requirement == "FIN-1"


def test_a_step_that_a_failure_does_not_need_is_not_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong content is attributed to an invalid PUT before it, which is dropped even without time to shrink."""

    def execute(sequence: StepSequence, _resources: object) -> None:
        actions = [step.action for step in sequence.steps]
        if "write" in actions:
            violation = Violation("the content that was sent", "another one", "FIN-2")
            if "finalize_invalid" in actions:
                violation.reattribute("FIN-4")
            raise violation

    server = Server("")
    monkeypatch.setattr(server, "execute", execute)
    steps = just([Step("begin"), Step("finalize_invalid"), Step("write"), Step("finalize_invalid"), Step("write")])
    violation, case = search(server, monkeypatch, steps, shrink_seconds=0.0)
    assert violation.requirement == "FIN-2"
    assert actions(case) == ["write", "write"]
