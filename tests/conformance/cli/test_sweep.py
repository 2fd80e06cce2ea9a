"""What killed runs left is listed and deleted by their names, and nothing else is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.cli.main import main
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.target.connect import connect
from hanami_conformance.target.target import Account, Target
from support.suite_runs import faulty_backend
from tools.reference import ALICE, SECOND

TABLE = b"a,b\n1,2\n"
THEIRS = ("hc_mine", "hc_holiday_photos", "xhc_aaaa1111_csv", "hc_AAAA1111_csv", "hc_aaaa11112_csv")


def finished(resources: ResourceFactory, name: str = "", account: Account | None = None) -> None:
    """Make a dataset that the target lists."""
    upload = resources.csv(len(TABLE), account, name)
    upload.write_all({"input": TABLE})
    upload.finalize().object()


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A target on which two runs and a load run of two users were killed, and with datasets of somebody else."""
    monkeypatch.chdir(tmp_path)
    with faulty_backend() as url:
        begin_case("test")
        users = Credentials("alice", "very-secret-1"), Credentials("bob", "very-secret-2")
        made = connect(TargetOptions(url=url, account=users[0], other_account=users[1]))
        first, second = ResourceFactory(made, "aaaa1111"), ResourceFactory(made, "bbbb2222")
        finished(first)
        finished(first, account=made.other_account)
        second.cluster(ClusterShape({"test_input": 2}, {"test_output": 2}, hidden=2))
        finished(second, "hc_load_cccc3333_csv_1")
        for name in THEIRS:
            finished(second, name)
        yield made
        end_case()


class Terminal(io.StringIO):
    """An input that somebody types."""

    def isatty(self) -> bool:
        return True


def names(target: Target) -> str:
    return "".join(account.call(f"{kind}.list").text for account in target.accounts for kind in ("dataset", "cluster"))


def sweep(target: Target, *options: str) -> int:
    return main(["sweep", "--target", target.url, *ALICE, *SECOND, *options])


def test_everything_of_killed_runs_is_deleted(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(target, "--yes") == 0
    said = capsys.readouterr().out.splitlines()
    assert sorted(line.partition(", such")[0] for line in said) == [
        "4 resources deleted",
        "run aaaa1111: 2 datasets",
        "run bbbb2222: 1 cluster",
        "run cccc3333: 1 dataset",
    ]
    left = names(target)
    assert not any(run in left for run in ('"hc_aaaa1111_', '"hc_bbbb2222_', '"hc_load_cccc3333_'))
    assert all(f'"{name}"' in left for name in THEIRS)
    assert sweep(target, "--yes") == 0
    assert capsys.readouterr().out == "nothing is left over\n"


def test_one_run_is_selected_by_its_id(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(target, "--yes", "--run", "dddd4444") == 0
    assert capsys.readouterr().out == "nothing is left over from run dddd4444\n"
    assert sweep(target, "--yes", "--run", "aaaa1111") == 0
    left = names(target)
    assert '"hc_aaaa1111_' not in left
    assert all(run in left for run in ("hc_bbbb2222_", "hc_load_cccc3333_"))


@pytest.mark.parametrize(
    ("answer", "is_deleted"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_it_asks_before_it_deletes(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, is_deleted: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert sweep(target) == 0
    said = capsys.readouterr().out
    assert "delete 4 resources of 3 runs? [y/N] " in said
    assert ("nothing was deleted" in said) is not is_deleted
    assert ('"hc_aaaa1111_' in names(target)) is not is_deleted


def test_without_anybody_to_ask_it_needs_an_option(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert sweep(target) == 4
    assert capsys.readouterr().err == "ERROR: nothing was deleted, since nobody can be asked: give --yes\n"
    assert '"hc_aaaa1111_' in names(target)


def test_an_existing_cluster_that_the_options_name_stays(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    given = ResourceFactory(target, "eeee5555").cluster(ClusterShape({"test_input": 4}, {"test_output": 2}, hidden=2))
    bricks = ("--cluster", given.uuid, "--cluster-input", "test_input=4", "--cluster-output", "test_output=2")
    assert sweep(target, "--yes", "--run", "eeee5555", *bricks) == 1
    assert "never deleted" in capsys.readouterr().out
    assert "hc_eeee5555_" in names(target)


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--target", "reference"], 4, "ERROR: the bundled reference backend keeps nothing after a run"),
        (["--target", "http://127.0.0.1:1", *ALICE], 6, "target down: no connection to http://127.0.0.1:1"),
        ([], 4, "ERROR: no target"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *options]) == status
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert len(error.splitlines()) == 1
