"""What sequences alone find is counted: the sample exists, and a fault is found with the given effort, or not."""

from __future__ import annotations

import re

import pytest

from hanami_reference_backend.faults import catalogue
from tools.sequence_search import SAMPLE, STRATEGIES, main


def test_every_fault_of_the_sample_exists_and_has_a_search() -> None:
    names = [name for faults in SAMPLE.values() for name in faults]
    assert len(set(names)) == len(names) == 30
    assert set(names) <= set(catalogue())
    assert SAMPLE.keys() == STRATEGIES.keys()


@pytest.mark.parametrize("guidance", [[], ["--unguided"]])
def test_a_fault_is_found_with_few_exchanges(capsys: pytest.CaptureFixture[str], guidance: list[str]) -> None:
    assert main(["--fault", "repeats-undo-complete", "--exchanges", "3000", *guidance]) == 0
    one, total = capsys.readouterr().out.splitlines()
    assert re.match(r"repeats-undo-complete +\d+ exchanges +\d+ sequences +[\d.]+ s  expected complete = true", one)
    assert total.startswith("1 of 1 found with ")


def test_a_search_ends_when_it_has_sent_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fault", "silent-after-150-cycles", "--exchanges", "1"]) == 0
    assert "not found" in capsys.readouterr().out


def test_wrong_options_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("no-such-fault", "complete-is-a-number"):
        with pytest.raises(SystemExit) as ended:
            main(["--fault", name])
        assert ended.value.code == 2
        assert name in capsys.readouterr().err.splitlines()[-1]
