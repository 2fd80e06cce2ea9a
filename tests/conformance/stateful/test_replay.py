"""Replay distinguishes what is fixed from what never recurred alone, and executes a sequence beside neighbours."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from hanami_conformance.cases.recording import begin_case, current_case, end_case, thread_not_recorded
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.cli.main import main
from hanami_conformance.cli.replay import replay
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.stateful.neighbours import neighbours
from hanami_reports.model.conformance import NOT_REPRODUCED, ExitStatus
from support.suite_runs import faulty_backend
from tools.reference import ALICE

UPLOAD = StepSequence(
    "upload",
    (Step("begin", {"kind": "csv", "size": 7, "count": 1, "user": 0}),),
    requirement="FIN-2",
    expected="the content that was sent",
    actual="another one",
)
BESIDE = replace(
    UPLOAD,
    steps=(
        Step("begin", {"kind": "csv", "size": 19, "count": 1, "user": 0}),
        Step("attach", {"file": 0}),
        Step("interleave", {"chunk": 4, "order": "ascending"}),  # so that each chunk has bytes that no other one has
    ),
    recurred_alone=False,
)
OPTIONS = {"target": "reference"}


def stored(sequence: StepSequence, folder: Path) -> Path:
    path = folder / "sequence.json"
    path.write_text(sequence.to_json(), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("recurred", "status", "says"),
    [
        (True, 0, "fixed: "),
        (None, 0, "fixed: "),
        (False, NOT_REPRODUCED, "not reproduced alone: 1 step agreed with the model; "),
    ],
)
def test_only_what_recurred_alone_is_fixed(
    recurred: bool | None, status: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stored(replace(UPLOAD, recurred_alone=recurred), tmp_path)
    assert main(["replay", str(path), "--target", "reference"]) == status
    assert capsys.readouterr().out.startswith(says)


def test_no_run_ends_with_the_status_of_what_was_not_reproduced(capsys: pytest.CaptureFixture[str]) -> None:
    assert NOT_REPRODUCED not in list(ExitStatus)
    assert main(["replay", "--help"]) == 0
    assert f"({NOT_REPRODUCED})" in capsys.readouterr().out


def test_a_sequence_is_replayed_beside_neighbours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stored(replace(UPLOAD, recurred_alone=False), tmp_path)
    words = ["replay", str(path), "--target", "reference", "--max-connections", "5", "--beside", "3", "--times", "2"]
    assert main(words) == NOT_REPRODUCED
    verdict, beside = capsys.readouterr().out.splitlines()
    assert verdict.startswith("not reproduced: 1 step agreed with the model, 2 times beside 3 neighbours; ")
    assert beside.endswith(" of 3 neighbours")
    assert threading.active_count() == 1


def test_a_failure_that_needs_a_neighbour_shows_beside_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stored(BESIDE, tmp_path)
    with faulty_backend("uploads-mixed") as url:
        options = ["replay", str(path), "--target", url, *ALICE]
        assert main(options) == NOT_REPRODUCED, "each upload alone"
        assert main([*options, "--max-connections", "3", "--beside", "1", "--times", "100"]) == 1
    verdict = next(line for line in capsys.readouterr().out.splitlines() if " beside 1 neighbour: " in line)
    assert verdict.startswith(("still failing", "fails differently"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--beside", "2"), "needs 3 connections at the same time or more, and the limit is 2"),
        (("--beside", "9"), "from 1 to 8"),
        (("--beside", "0"), "from 1 to 8"),
    ],
)
def test_too_many_neighbours_are_an_error_of_one_line(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with faulty_backend() as url:
        assert main(["replay", str(stored(UPLOAD, tmp_path)), "--target", url, *ALICE, *words]) == 4
    assert message in capsys.readouterr().err


def test_neighbours_are_stopped_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    limit = ConnectionLimit(4)
    limits: list[int] = []

    class Busy(SimpleNamespace):
        def beside(self, connections: int) -> SimpleNamespace:
            return SimpleNamespace(
                close_connections=lambda: None, renew_tokens=lambda: acts.append(str(connections)), account=None
            )

    target = Busy(connection_limit=limit, timeouts=SimpleNamespace(setting=1.0), given_cluster=None)
    monkeypatch.setattr(
        "hanami_conformance.stateful.neighbours.Neighbour._upload", lambda self, _: setattr(self, "rounds", 1)
    )

    def interrupted() -> None:
        with neighbours(target, 1):  # type: ignore[arg-type]
            limits.append(target.connection_limit.limit)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert limits == [3]
    assert target.connection_limit is limit
    assert set(acts) == {"1"}
    assert threading.active_count() == 1


def test_what_a_neighbour_does_is_not_recorded() -> None:
    case = begin_case("test")

    def act() -> None:
        with thread_not_recorded():
            current_case().note("ws-1", "note", "of a neighbour")
        current_case().note("ws-1", "note", "of a branch")

    try:
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
    finally:
        end_case()
    assert [event.text() for event in case.events] == ["of a branch"]


def test_replay_in_a_program_has_the_same_statuses(tmp_path: Path) -> None:
    assert replay(stored(UPLOAD, tmp_path), OPTIONS) == ExitStatus.CONFORMANT
