"""Every word of a result has a meaning in words."""

from __future__ import annotations

from enum import Enum

import pytest

from hanami_conformance.cli.main import main
from hanami_reports.model.conformance import ExitStatus, Level, Outcome, Verdict
from hanami_reports.model.load import RunState
from hanami_reports.model.meanings import EXIT_STATUSES, LEVELS, LOAD_STATES, OUTCOMES, VERDICTS


@pytest.mark.parametrize(
    ("words", "meanings"),
    [(Level, LEVELS), (Verdict, VERDICTS), (Outcome, OUTCOMES), (ExitStatus, EXIT_STATUSES), (RunState, LOAD_STATES)],
)
def test_each_word_has_a_meaning_of_its_own(words: type[Enum], meanings: dict[Enum, str]) -> None:
    assert list(meanings) == list(words)
    assert len(set(meanings.values())) == len(words)


def test_the_help_lists_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for status in ExitStatus:
        assert f"{status.value}  {EXIT_STATUSES[status]}" in lines
