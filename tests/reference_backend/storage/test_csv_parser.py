from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hanami_reference_backend.storage import csv_parser
from hanami_reference_backend.storage.csv_parser import parse_cell, parse_csv
from hanami_reference_backend.storage.dataset_content import ContentError


def read(text: str | bytes) -> tuple[list[str], list[list[float]]]:
    content = parse_csv(np.frombuffer(text.encode() if isinstance(text, str) else text, dtype=np.uint8))
    parts: list[NDArray[np.float32]] = [column.rows(0, content.number_of_rows) for column in content.columns]
    assert content.number_of_columns == content.inputs == len(parts)
    return [column.name for column in content.columns], np.hstack(parts).tolist()


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        pytest.param("a\n1\n", ["a"], [[1]], id="one column"),
        pytest.param("a,b\r\n1,-2.5\r\n+3e2,.5", ["a", "b"], [[1, -2.5], [300, 0.5]], id="CRLF, no end"),
        pytest.param(" a ,b\n\n 1 ,2\n\n", ["a", "b"], [[1, 2]], id="blanks and empty lines"),
        pytest.param("a,b,c\n,null,TRUE\nfalse,1\n", ["a", "b", "c"], [[0, 0, 1], [0, 1, 0]], id="words and gaps"),
        pytest.param('"a,1","b\nc"\n"1","2"\n', ["a,1", "b\nc"], [[1, 2]], id="quotes"),
        pytest.param("\ufeffa\n1\n", ["a"], [[1]], id="byte order mark"),
        pytest.param("größe\n1\n", ["größe"], [[1]], id="letters"),
        pytest.param("a,b\r1,2\r3,4\r", ["a", "b"], [[1, 2], [3, 4]], id="CR"),
        pytest.param("a,b\r1,2\r3,4", ["a", "b"], [[1, 2], [3, 4]], id="CR, no end"),
        pytest.param("a,b\r\r\n1,2\r\r\n", ["a", "b"], [[1, 2]], id="CR CRLF, as text mode makes of CRLF"),
        pytest.param("a,b\n1,2\r\n3,4\r5,6\n", ["a", "b"], [[1, 2], [3, 4], [5, 6]], id="all line ends"),
        pytest.param('"a\rb"\r"1"\r', ["a\rb"], [[1]], id="CR in quotes"),
        pytest.param(' \na\n1\n  \n2\n""\n', ["a"], [[1], [2], [0]], id="lines of blanks, and a quoted gap"),
    ],
)
def test_tables(text: str, names: list[str], rows: list[list[float]]) -> None:
    assert read(text) == (names, rows)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("\n\n", "^there is no header", id="no header"),
        pytest.param("\ufeff", "^there is no header", id="only a byte order mark"),
        pytest.param("a,,b\n", "line 1, column 2: the name is empty", id="empty name"),
        pytest.param("a, a\n", "line 1, column 2: the name 'a' appears twice", id="name twice"),
        pytest.param("a,b\n1,2\n1,2,3\n", "line 3: 3 cells, but the header has 2", id="long row"),
        pytest.param("a,b\n1,x\n", "line 2, column 'b': 'x' is not a finite number", id="text"),
        pytest.param("a\nnan\n", "not a finite number", id="nan"),
        pytest.param("a\n-Infinity\n", "not a finite number", id="infinity"),
        pytest.param("a\n1e39\n", "not a finite number", id="beyond float32"),
        pytest.param("a\n1_0\n", "not a finite number", id="underscore"),
        pytest.param("a\n\u0661\n", "not a finite number", id="digit of another script"),
        pytest.param("a\n0x10\n", "not a finite number", id="hexadecimal"),
        pytest.param("a\n1\0\n", "not a finite number", id="NUL"),
        pytest.param("a\n1\r2,\n", "^line 3: 2 cells", id="line after CR"),
        pytest.param('a\n"1"2\n', "^line 2: ", id="text behind a quote"),
        pytest.param('a\n1\n"2\n3\n', "^lines 3 to 4: unexpected end", id="open quote"),
        pytest.param('a\n1\n"2\n', "^line 3: unexpected end", id="open quote in the last line"),
        pytest.param(b"a\n1\n\xff\n", "^line 3: the byte 0xff is not UTF-8", id="not UTF-8"),
        pytest.param(b"a,b\n1,2\n3,4\n5,6\n7,\xe4\n", "^line 5: the byte 0xe4 is not UTF-8", id="Latin-1 in line 5"),
        pytest.param(b"a\n1\n\xc3", "^line 3: the byte 0xc3 is not UTF-8", id="half a letter at the end"),
        pytest.param(b"a\n1\n\xed\xa0\x80\n", "^line 3: the byte 0xed is not UTF-8", id="surrogate"),
        pytest.param(b"a\n" + b"1\n" * 9000 + b"\xe4\n2\n", "^line 9002: ", id="not UTF-8, far behind"),
        pytest.param(b"a\nx\n\xe4\n", "^line 2, column 'a'", id="the first mistake is reported"),
        pytest.param("\n\n\na,b,\n1,2,3\n", "^line 4, column 3: the name is empty", id="header behind empty lines"),
        pytest.param("\r\ra, a\r", "^line 3, column 2: the name 'a' appears twice", id="header behind CRs"),
        pytest.param('"a\nb",c,\n', "^line 2, column 3: the name is empty", id="header of two lines"),
        pytest.param('a,b\n"1\n",x\n', "^line 3, column 'b': 'x'", id="row of two lines"),
        pytest.param('a,b\n1,"\r\nx"\n', "^line 2, column 'b'", id="cell of two lines"),
        pytest.param("a\n" + "1" * 200_000, "^line 2: field larger", id="huge cell"),
    ],
)
def test_invalid_tables(text: str | bytes, reason: str) -> None:
    with pytest.raises(ContentError, match=reason):
        read(text)


def test_a_small_file_cannot_become_a_huge_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_parser, "FREE_CELLS", 1000)
    with pytest.raises(ContentError, match="most of them missing"):
        read(",".join(f"c{number}" for number in range(200)) + "\n" + "1\n" * 100)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a\n" + "1" * 101, 2, id="a line without end"),
        pytest.param("a\n" + '"\n",' * 30, 27, id="a row of many lines"),
        pytest.param('"\n",' * 30, 26, id="a header of many lines"),
    ],
)
def test_a_row_without_end_is_rejected(monkeypatch: pytest.MonkeyPatch, text: str, line: int) -> None:
    monkeypatch.setattr(csv_parser, "MAX_ROW", 100)
    with pytest.raises(ContentError, match=f"^line {line}: the row is longer than 100 characters$"):
        read(text)


def test_the_length_of_a_row_does_not_count_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_parser, "MAX_ROW", 100)
    rows = "".join(f'"{number}","{" " * 60}\n"\n' for number in range(9))
    assert read("a,b\n" + rows)[1] == [[number, 0] for number in range(9)]
    assert read("a\n" + "0" * 98 + "1\n")[1] == [[1]]


def test_a_table_has_a_limited_number_of_columns() -> None:
    names = [str(number) for number in range(csv_parser.MAX_COLUMNS)]
    assert read(",".join(names) + "\n1\n") == (names, [[1.0] + [0.0] * (len(names) - 1)])
    with pytest.raises(ContentError, match=r"^line 1: 100001 columns are more than 100000$"):
        read(",".join([*names, "more"]) + "\n1\n")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_values_survive(value: float) -> None:
    assert read(f"a\n{value!r}\n")[1] == [[value]]


@given(st.text(max_size=10))
def test_a_cell_is_a_finite_float32_or_rejected(text: str) -> None:
    value = parse_cell(text)
    assert value is None or np.isfinite(np.float32(value))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("Dear reader, this is no table.", id="a sentence"),
        pytest.param("Dear reader\n\n", id="a sentence and empty lines"),
        pytest.param('{"a": 1, "b": [2, 3]}\n', id="JSON"),
        pytest.param("<!DOCTYPE html><html><body></body></html>", id="HTML"),
        pytest.param("1", id="a number"),
        pytest.param("a,b\n", id="a header"),
        pytest.param("a,b\r\n  \r\n", id="a header and blanks"),
    ],
)
def test_a_line_alone_is_no_table(content: str) -> None:
    with pytest.raises(ContentError, match=r"^there are no rows"):
        read(content)


@pytest.mark.parametrize(
    "content", [bytes(64), b"a\x00b,c\n1,2\n", b"\x1b[31m,b\n1,2\n", b"a\xc2\x85b\n1\n", b"a\tb\n1\n"]
)
def test_a_header_that_is_not_text_is_rejected(content: bytes) -> None:
    with pytest.raises(ContentError, match="is not text"):
        parse_csv(np.frombuffer(content, dtype=np.uint8))
