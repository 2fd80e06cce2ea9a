"""Where ``hanami-load`` begins, with and without Locust."""

from __future__ import annotations

import sys

import pytest

from hanami_loadtests import entry


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
