"""The lists of known failures that ship with the package: one for each released server."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_conformance.cli.main import main
from hanami_conformance.known_failures.file import ListError, bundled_lists, read_list
from hanami_conformance.options.definitions import SECTIONS
from hanami_conformance.options.sources import path_beside
from hanami_proto.dialect import load_dialect

(KNOWN,) = (option for option in SECTIONS["run"] if option.name == "known")
RELEASED = {"hanami-0.4.1": "hanami-0.4", "openhanami-0.5.0": "openhanami-0.5"}  # server to dialect


def test_each_released_server_has_a_list() -> None:
    assert list(bundled_lists()) == list(RELEASED)


@pytest.mark.parametrize("name", RELEASED)
def test_a_bundled_list_is_for_its_server(name: str) -> None:
    known = read_list(Path(name))
    known.check_dialect(load_dialect(RELEASED[name]).name)
    assert known.server
    assert known.entries
    assert not [entry.subject for entry in known.entries if "TODO" in entry.reason]
    assert not [entry.subject for entry in known.entries if entry.expires]  # a release does not change


@pytest.mark.parametrize("name", RELEASED)
def test_a_bundled_list_matches_the_suite(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known", "--check", name]) == 0, capsys.readouterr().out


def test_an_unknown_name_is_one_line() -> None:
    with pytest.raises(ListError, match=r"unknown list 'hanami-0.4': choose one of hanami-0.4.1, openhanami-0.5.0, or"):
        read_list(Path("hanami-0.4"))


def test_a_bundled_list_is_not_updated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["known", "--update", "hanami-0.4.1"]) == 4
    assert "--update needs the path of a .toml file, and not 'hanami-0.4.1'" in capsys.readouterr().err


def test_the_name_of_a_bundled_list_in_a_settings_file_is_no_path(tmp_path: Path) -> None:
    settings = tmp_path / "hanami-conformance.toml"
    assert path_beside(settings, KNOWN, "hanami-0.4.1") == "hanami-0.4.1"
    assert path_beside(settings, KNOWN, "known.toml") == str(tmp_path / "known.toml")
