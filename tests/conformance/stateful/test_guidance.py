"""A guided search keeps what reaches something new, makes further sequences from it, and goes on after a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis.strategies import just, lists, sampled_from

from hanami_conformance.cases.failures import PreconditionFailed, Unsupported, Violation
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.options.profiles import DEEP
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful import property_runner
from hanami_conformance.stateful.corpus import Corpus
from hanami_conformance.stateful.novelty import noted
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.stateful.strategies.edits import edited_sequences
from hanami_conformance.stateful.strategies.primitives import step_lists
from support.draws import sample
from support.sequences import execute

ONE, TWO, THREE = (Step(name) for name in ("one", "two", "three"))


# What sequences reach


def test_a_step_is_noted_with_the_state_before_it_and_the_kinds_of_its_answers() -> None:
    case = begin_case("test")
    case.reached = []
    seen: list[Step] = []
    for step in noted([ONE, TWO], lambda: f"{len(seen)} done"):
        seen.append(step)
        case.sent_event("rest-1", "http", "GET /v1/dataset/all")
        case.received_event("rest-1", "http", f'200 {{"uuid":"{len(seen)}"}}')
        for size in (1, 12):
            case.received_event("ws-1", "message", f"FileUploadResponse success = false, error '{size} bytes'")
    end_case()
    answers = "200; message FileUploadResponse success = false, erro"
    assert case.reached == [("one, 0 done", answers), ("two, 1 done", answers)]


def test_nothing_is_noted_unless_the_recording_asks_for_it() -> None:
    def fail() -> str:
        raise AssertionError("nobody asked for the state")

    begin_case("test")
    assert list(noted([ONE, TWO], fail)) == [ONE, TWO]
    assert current_case().reached is None
    end_case()


@pytest.mark.parametrize(
    ("kind", "steps", "expected"),
    [
        (
            "upload",
            [{"action": "begin", "kind": "csv", "size": 40, "count": 1, "user": 0}, {"action": "attach", "file": 0}],
            "attach, open empty, ",
        ),
        (
            "direct",
            [
                {"action": "cluster", "inputs": [2], "outputs": [2], "user": 0},
                {"action": "request", "cluster": 0, "values": 0, "order": 0},
            ],
            "request, used attached idle unknown DIO-7",
        ),
        ("call", [{"action": "get_unknown", "operation": "dataset.get", "uuid": "0"}], "get_unknown, "),
        ("first", [{"action": "truncated", "length": 3}], "truncated, 0 attached"),
        ("content", [{"action": "table", "names": ["a"], "rows": [["1"]], "crlf": 0, "end": 1}], "table, "),
    ],
)
def test_every_executor_notes_its_steps(
    resources: ResourceFactory,
    kind: str,
    steps: list[dict[str, object]],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = begin_case

    def noting(name: str) -> object:
        case = begin(name)
        case.reached = []
        return case

    monkeypatch.setattr("support.sequences.begin_case", noting)
    reached = execute(resources, kind, *steps).reached
    assert reached is not None
    answers = dict(reached)
    assert expected in answers, answers
    assert answers[expected], "an answer"


# The corpus


def test_what_reaches_something_new_is_kept_and_nothing_else(tmp_path: Path) -> None:
    corpus = Corpus("call", tmp_path / "call")
    a, b, c = (("a", "200"), ("b", "200"), ("c", "400"))
    assert corpus.note([ONE, TWO], [a, b]) == 2
    assert corpus.note([TWO, ONE], [b, a]) == 1, "the second sequence that reached each of two pairs"
    assert corpus.note([THREE, TWO, ONE], [c, b, a]) == pytest.approx(1 + 2 / 3)
    assert corpus.sequences == [(ONE, TWO), (THREE,)], "up to the last step that reached something new"
    stored = list(Corpus("call", tmp_path / "call").stored())
    assert sorted([step.action for step in steps] for steps in stored) == [["one", "two"], ["three"]]


def test_a_stored_sequence_that_reaches_nothing_new_any_more_is_dropped(tmp_path: Path) -> None:
    earlier = Corpus("call", tmp_path)
    for steps, pair in (([ONE], ("a", "200")), ([TWO], ("b", "200"))):
        earlier.note(steps, [pair])
    later = Corpus("call", tmp_path)
    for stored in list(later.stored()):
        later.note(stored, [("a", "200")])  # whatever it was, it is the same now
    assert len(list(later.stored())) == 1
    (tmp_path / "damaged.json").write_text("{")
    assert len(list(later.stored())) == 1
    assert not (tmp_path / "damaged.json").exists()


def test_a_corpus_that_cannot_be_stored_is_used_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    corpus = Corpus("call", tmp_path / "file" / "call")
    corpus.note([ONE], [("a", "200")])
    assert corpus.sequences == [(ONE,)]
    assert list(corpus.stored()) == []


# What is drawn


def test_sequences_are_edited_in_every_way_and_fresh_ones_are_drawn_as_well() -> None:
    strategy = edited_sequences(((ONE, TWO), (THREE, THREE)), just([Step("fresh")]), 9)

    drawn = sample(strategy, 500, 1)
    assert max(map(len, drawn)) == 9
    for edited in (
        "fresh",
        "one fresh two",
        "one two one two one two",
        "one three",
        "two",
        f"one{' two' * 8}",
    ):
        assert edited in {" ".join(step.action for step in steps) for steps in drawn}
    assert sample(edited_sequences((), just([ONE]), 9), 10, 1)[0] == [ONE]


def test_a_swarm_leaves_some_kinds_of_steps_out_of_long_sequences() -> None:
    choices = [just(Step(str(number))) for number in range(10)]

    def counts(*, swarm: bool) -> list[tuple[int, int]]:
        lists_of_steps = sample(step_lists(choices, 40, swarm=swarm), 200, 1)
        return [(len({step.action for step in one + two}), len(one + two)) for one, two in lists_of_steps]

    guided = counts(swarm=True)
    assert sum(kinds <= 4 for kinds, length in guided if length >= 20) > 3, "long ones of few kinds"
    assert any(kinds >= 9 for kinds, _ in guided)
    assert max(length for _, length in guided) <= 40
    assert not [kinds for kinds, length in counts(swarm=False) if length >= 20 and kinds <= 4]


# The search


class Server:
    """A server in whose answers a step is the number of steps of its kind so far, up to ten; some of them fail.

    Args:
        fails: Function that returns the requirement that a sequence of these actions violates; empty for none.
    """

    def __init__(self, fails: Callable[[Sequence[str]], str]) -> None:
        self._fails = fails
        self.executed: list[tuple[str, ...]] = []
        self.target = SimpleNamespace(is_alive=lambda: True, disconnect_reason=lambda _: "")

    def execute(self, sequence: StepSequence, _resources: object) -> None:
        actions = tuple(step.action for step in sequence.steps)
        self.executed.append(actions)
        counts: dict[str, int] = {}
        for step in noted(sequence.steps, lambda: str(sorted(counts.items()))):
            counts[step.action] = min(10, counts.get(step.action, 0) + 1)
        if requirement := self._fails(actions):
            raise Violation("an answer", "none", requirement)


def deep_settings(database: Path | None = None, seconds: float = 20.0) -> SearchSettings:
    return SearchSettings(replace(DEEP, shrink_seconds=1.0, most_steps=10), 1, seconds, database)


FEW = lists(sampled_from([ONE, TWO, THREE]), max_size=4)


def run(
    server: Server, plan: SearchSettings, monkeypatch: pytest.MonkeyPatch, number: int = 1
) -> tuple[str, list[str]]:
    """Run a search that fails; return the violated requirement and the actions of the smallest sequence."""
    monkeypatch.setattr(property_runner, "execute", server.execute)
    case = begin_case("test")
    try:
        with pytest.raises(Violation) as caught:
            PropertyRunner(plan, server, number)("call", FEW)  # type: ignore[arg-type]
    finally:
        end_case()
    assert case.sequence is not None
    assert case.reached is None, "what comes after the search is not noted"
    return str(caught.value.requirement), [step.action for step in case.sequence.steps]


def test_what_only_many_steps_show_is_found_from_sequences_that_got_far(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(lambda actions: "DATA-1" if actions.count("two") >= 9 else "")
    assert run(server, deep_settings(), monkeypatch) == ("DATA-1", ["two"] * 9)


def test_a_further_search_finds_another_failure_and_has_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(lambda actions: "DATA-1" if "one" in actions else "DATA-2" if "three" in actions else "")
    plan = deep_settings()
    found = [run(server, plan, monkeypatch, number) for number in (1, 2)]
    assert sorted(found) == [("DATA-1", ["one"]), ("DATA-2", ["three"])]
    assert plan.log.unused["call"] > plan.seconds, "that of both"
    # The same search once more, after a crash for example, finds the same.
    assert run(server, plan, monkeypatch, 2)[1] == found[1][1]


def test_a_search_in_which_everything_fails_as_before_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(lambda actions: "DATA-1" if actions else "")
    plan = deep_settings(seconds=0.5)
    plan.log.note("call", 1, Violation("an answer", "none", "DATA-1"), [ONE])
    monkeypatch.setattr(property_runner, "execute", server.execute)
    begin_case("test")
    with pytest.raises(Unsupported, match="fails as one does that an earlier search has found"):
        PropertyRunner(plan, server, 2)("call", just([ONE]))  # type: ignore[arg-type]
    end_case()


def test_sequences_of_earlier_runs_come_first_and_may_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored = Corpus("call", tmp_path / "corpus" / "call")
    stored.note([THREE, ONE, TWO, THREE, THREE], [(str(place), "200") for place in range(5)])
    server = Server(lambda actions: "DATA-1" if actions[1:3] == ("one", "two") or actions == ("one", "two") else "")
    assert run(server, deep_settings(tmp_path), monkeypatch) == ("DATA-1", ["one", "two"])
    assert server.executed[:2] == [(), ("three", "one", "two", "three", "three")]
    assert list(Corpus("call", tmp_path / "corpus" / "call").stored()) != [], "it fails, so it stays"


def test_a_failed_precondition_is_a_failure_like_others() -> None:
    plan = deep_settings()
    plan.log.note("call", 1, PreconditionFailed("no cluster"), [ONE])
    assert plan.log.is_known("call", 2, PreconditionFailed("no other cluster"), [TWO, ONE])
    assert not plan.log.is_known("call", 2, PreconditionFailed("no cluster"), [TWO])
    assert not plan.log.is_known("call", 1, PreconditionFailed("no cluster"), [ONE]), "the same search"
    assert not plan.log.is_known("first", 2, PreconditionFailed("no cluster"), [ONE])
