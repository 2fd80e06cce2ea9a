"""Escapes are replaced by what they stand for, in any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import binary, lists, sampled_from

from hanami_conformance.common.spellings import unescape_levels

PIECES = [b"&", b"\\", b"%", b"x", b"u", b"U", b"p", b";", b"#", b"0", b"9", b"f", b"D", b"d800", b"xi", b"00110000"]


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [
        (b"\\x41", b"A"),
        (b"%41", b"A"),
        (b"&#x41;", b"A"),
        (b"&#65;", b"A"),
        (b"\\u0041", b"A"),
        (b"\\U00000041", b"A"),
        (b"&xi;", "\u03be".encode()),  # HTML, and no byte as Python writes it
        (b"&xp;", b"&xp;"),
        (b"&x4;", b"&x4;"),
    ],
)
def test_an_escape_is_what_it_stands_for(escaped: bytes, meant: bytes) -> None:
    assert [level.data for level in unescape_levels(escaped)][-1] == meant


@given(lists(sampled_from(PIECES) | binary(max_size=2), max_size=12))
def test_any_bytes_can_be_examined(pieces: list[bytes]) -> None:
    unescape_levels(b"".join(pieces))
