"""Where ``hanami-load`` begins, with and without Locust."""

from __future__ import annotations

import sys

import pytest

from hanami_loadtests import entry
from hanami_loadtests.launch import progress_line


def test_a_line_of_progress_has_rates_once_there_are_any() -> None:
    now: dict[str, float] = {"second": 0, "users": 4, "valid": 12, "errors": 0}
    assert progress_line(now) == "   0 s  4 users  12 valid  0 errors"
    now |= {"megabytes": 1.25, "per_second": 80.4}
    assert progress_line(now) == "   0 s  4 users  12 valid  0 errors  1.2 MB/s  80 messages/s"


def test_without_locust_one_line_names_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "find_spec", lambda _name: None)
    assert entry.main() == 4
    assert capsys.readouterr().err == "ERROR: hanami-load needs Locust: pip install 'hanami-conformance[load]'\n"


def test_with_locust_it_runs_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["hanami-load", "--version"])
    assert entry.main() == 0
    assert capsys.readouterr().out.startswith("hanami-load ")
