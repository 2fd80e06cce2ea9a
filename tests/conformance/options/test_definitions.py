"""The table of options names what there is, and no option of pytest is named as one of another project may be."""

from __future__ import annotations

import pytest

from hanami_conformance.options.definitions import DEFAULT_PROFILE, DIALECTS, OPTIONS, PROFILES
from hanami_conformance.options.profiles import PROFILES as KNOWN_PROFILES
from hanami_conformance.session.pytest_options import pytest_spelling
from hanami_proto.dialect import DEFAULT_DIALECT, dialect_names


def test_the_dialects_and_profiles_of_the_help_are_those_that_there_are() -> None:
    assert sorted(DIALECTS) == sorted(dialect_names())
    assert DIALECTS[0] == DEFAULT_DIALECT
    assert list(PROFILES) == list(KNOWN_PROFILES)
    assert DEFAULT_PROFILE in PROFILES


def test_every_option_of_pytest_has_our_prefix() -> None:
    assert {option.pytest_flag for option in OPTIONS} == {f"--hanami-{option.name}" for option in OPTIONS}
    assert all(option.pytest_key.startswith("hanami_") and "-" not in option.pytest_key for option in OPTIONS)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("no target: give --target http://x", "no target: give --hanami-target http://x"),
        ("--second-user needs --second-password", "--hanami-second-user needs --hanami-second-password"),
        (
            "give --cluster-input NAME=SIZE, not --cluster",
            "give --hanami-cluster-input NAME=SIZE, not --hanami-cluster",
        ),
        ("an option --targets that nobody has", "an option --targets that nobody has"),
        ("a value x--target", "a value x--target"),
    ],
)
def test_messages_name_options_as_pytest_has_them(text: str, spelled: str) -> None:
    assert pytest_spelling(text) == spelled
