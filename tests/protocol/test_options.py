"""The converters of option values: what they take, and what they say of the rest."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import pytest

from hanami_proto.options import Option, OptionError, boolean, choice, number, size, whole_number

GOOD = [
    (boolean, "on", True),
    (boolean, "No", False),
    (whole_number(0, 7), "7", 7),
    (number(0.5), "0.5", 0.5),
    (number(0, 10, above=True), "1e-3", 0.001),
    (size(1, 1 << 30), "128KiB", 131072),
    (size(1, 1 << 30), "1.5 kb", 1500),
    (choice(("must", "should")), "MUST", "must"),
]
WRONG = [
    (boolean, "maybe", "give 1 or 0"),
    (whole_number(1), "0", "give a whole number of at least 1"),
    (whole_number(0, 7), "8", "give a whole number from 0 to 7"),
    (whole_number(0), "1.0", "give a whole number of at least 0"),
    (whole_number(0), "9" * 20, "give a whole number of at least 0"),
    (number(0.1), "inf", "give a number of at least 0.1"),
    (number(0.1), "nan", "give a number of at least 0.1"),
    (number(0, 10, above=True), "0", "give a number above 0 and at most 10"),
    (size(64, 1000), "1 stone", "give a size such as 128KiB"),
    (size(64, 1000), "1kib", "give a size from 64 to 1000 bytes"),
    (choice(("must", "should")), "may", "choose must or should"),
    (choice(("a", "b", "c")), "d", "choose one of a, b, c"),
]


@pytest.mark.parametrize(("convert", "text", "value"), GOOD)
def test_right_texts(convert: Callable[[str], Any], text: str, value: object) -> None:
    assert convert(text) == value


@pytest.mark.parametrize(("convert", "text", "message"), WRONG)
def test_wrong_texts(convert: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as raised:
        convert(text)
    assert str(raised.value).startswith(f"{text!r}: ")


def test_a_converter_is_a_type_of_argparse(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=whole_number(0, 65535))
    with pytest.raises(SystemExit):
        parser.parse_args(["--port", "x"])
    assert "argument --port: 'x': give a whole number from 0 to 65535" in capsys.readouterr().err


def test_an_option_has_a_default_and_names_itself_where_it_is_wrong() -> None:
    option = Option("warm-up", "seconds", default="1", convert=number(0))
    assert (option.value(None), option.value(""), option.value("2")) == (1.0, 1.0, 2.0)
    with pytest.raises(OptionError, match=r"^--warm-up '-1': give a number of at least 0$"):
        option.value("-1")
    assert Option("seed", "seed", convert=whole_number(0)).value(None) is None
    assert Option("user", "user").value(None) == ""
