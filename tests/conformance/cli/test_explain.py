"""``hanami-conformance explain``: what a requirement asks for, and why, without a server."""

from __future__ import annotations

import re

import pytest

from hanami_conformance.catalogue import catalogue, client_catalogue
from hanami_conformance.cli.collect import CollectError, collected_cases
from hanami_conformance.cli.explain import tests_of as suite_tests_of
from hanami_conformance.cli.main import main


def explained(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["explain", *words]) == 0
    return capsys.readouterr().out


def test_a_requirement_is_explained(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = explained(capsys, monkeypatch, "PROG-2")
    lines = text.splitlines()
    assert lines[0] == "PROG-2  MUST  upload step 4"
    assert lines[2] == "complete is never true while a byte of any file is missing"
    words = " ".join(text.split())
    assert "Why Clients finalize as soon as progress is true" in words
    assert 'Violated, for example 999 of 1000 bytes were sent, and progress answers `{"complete": true}`' in words
    assert "  test_upload_progress.py" in lines
    # Eight sizes with three places of the missing byte each, and a size of mebibytes with one.
    assert any(line.startswith("    25  Progress is not complete while a single byte is missing") for line in lines)
    assert "hanami-conformance run --requirement PROG-2" in text
    assert max(map(len, lines)) <= 80


def test_a_requirement_of_clients_is_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = explained(capsys, monkeypatch, "cli-17")
    assert text.startswith("CLI-17  MUST  step 1\n")
    assert "Violated, for example" in text
    assert re.search(r"in up to \d+ scenarios; run them with\n  hanami-conformance client -- COMMAND\n", text)
    assert explained(capsys, monkeypatch, "CLI").count("run them with") == len(client_catalogue())


def test_an_observation_has_no_violation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = explained(capsys, monkeypatch, "mode-3")
    assert text.startswith("MODE-3  OBSERVE  direct interaction steps 1 and 4\n")
    assert "Violated" not in text
    assert "Recorded, for example" in text


def test_a_family_and_several_ids(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = explained(capsys, monkeypatch, "DEL-1", "PROG")
    heads = [line.split()[0] for line in text.splitlines() if line.split()[1:2] in (["MUST"], ["SHOULD"])]
    assert heads == ["PROG-1", "PROG-2", "PROG-3", "PROG-4", "DEL-1"]


@pytest.mark.parametrize(("given", "meant"), [("PROG-9", "PROG"), ("DATS-2", "DATA-2"), ("prg", "PROG")])
def test_a_wrong_id_is_one_line_with_a_similar_one(given: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", given]) == 4
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith(f"ERROR: no requirement '{given}' in the catalogue, did you mean ")
    assert meant in line


def test_every_requirement_has_tests_and_every_case_belongs_to_one() -> None:
    cases = collected_cases()
    assert len(cases) > 800
    counted = {name: sum(one.cases for one in suite_tests_of(name, cases)) for name in catalogue()}
    assert all(counted.values())
    assert counted["PROG-2"] == sum("PROG-2" in case.requirements for case in cases.values())
    for name in catalogue():
        for one in suite_tests_of(name, cases):
            assert one.title.endswith("."), one.name


def test_what_may_crash_a_server_is_marked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "[destructive]" in explained(capsys, monkeypatch, "GEN-2")
    marked = [line for line in explained(capsys, monkeypatch, "ATT-1").splitlines() if "[" in line]
    assert all("[hostile]" in line for line in marked)  # generated ones, and none that is destructive


@pytest.mark.parametrize("words", [["explain", "PROG-2"], ["known", "--check", "hanami-0.4.1"]])
def test_a_suite_that_cannot_be_collected_is_an_internal_error(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CollectError("the suite cannot be collected:")

    monkeypatch.setattr(f"hanami_conformance.cli.{words[0]}.collected_cases", fail)
    assert main(words) == 3
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "ERROR: the suite cannot be collected:\n")
