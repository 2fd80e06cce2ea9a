"""Strategies of dataset contents: valid, unusual and invalid tables and IDX files."""

from __future__ import annotations

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.models.dataset import IMAGES_MAGIC, LABELS_MAGIC
from hanami_conformance.stateful.executors.dataset_contents import U32
from hanami_conformance.stateful.strategies.primitives import step

names = st.from_regex(r"[a-z][a-zA-Z0-9_]{0,8}", fullmatch=True)
signs = st.sampled_from(["", "-", "+"])
digits = st.integers(0, 99_999).map(str)
fractions = st.just("") | st.integers(0, 99_999).map(lambda number: f".{number}")
exponents = st.just("") | st.builds(
    lambda letter, sign, number: f"{letter}{sign}{number}", st.sampled_from("eE"), signs, st.integers(0, 20)
)
plain_numbers = st.builds(lambda *parts: "".join(parts), st.sampled_from(["", "-"]), digits, fractions)
numbers = st.builds(lambda *parts: "".join(parts), signs, digits, fractions, exponents)
UNUSUAL_CELLS = [
    *("", " ", "x", "null", "NaN", "inf", "1e39", "1e400", "1,5", '"1"', '"'),
    *("0x10", "1_0", "\u00e4", "\x00", "--1", "1 2"),
]
UNUSUAL_NAMES = ["", " ", "1", "a b", '"a"', "\u00e4\u00f6", "\u4e2d", "\x00", "a" * 300, "A", "a"]


@st.composite
def legible_tables(draw: st.DrawFn, *, plain: bool) -> Step:
    """Return a table that can be read in one way only, with at least one column and one row.

    Args:
        draw: Draw function of Hypothesis.
        plain: Whether every server must accept the table.
    """
    several = st.lists(names, min_size=1, max_size=5, unique_by=str.lower if plain else str)
    columns = draw(several | st.integers(6, 40).map(_many))
    row = st.lists(plain_numbers if plain else numbers, min_size=len(columns), max_size=len(columns))
    rows = draw(st.lists(row, min_size=1, max_size=8))
    ends = st.integers(0, 1)
    if plain:
        return Step("table", {"names": columns, "rows": rows, "crlf": 0, "end": 1})
    return Step("table", {"names": columns, "rows": rows, "crlf": draw(ends), "end": draw(ends)})


def _many(count: int) -> list[str]:
    return [f"c{index}" for index in range(count)]


unusual_names = names | st.sampled_from(UNUSUAL_NAMES)
unusual_rows = st.lists(numbers | st.sampled_from(UNUSUAL_CELLS), max_size=4)
unusual_tables = step(
    "table",
    names=st.lists(unusual_names, max_size=4),
    rows=st.lists(unusual_rows, max_size=5),
    crlf=st.integers(0, 1),
    end=st.integers(0, 1),
)

CLAIMS = ("count", "height", "width", "labels")
VALID_MAGICS = {"images_magic": IMAGES_MAGIC, "labels_magic": LABELS_MAGIC}


@st.composite
def images(draw: st.DrawFn, *, invalid: bool) -> Step:
    """Return images and labels.

    Args:
        draw: Draw function of Hypothesis.
        invalid: Whether the headers may contradict the data.
    """
    sides = st.integers(1, 6) | st.integers(1, 28)
    count = draw(st.integers(1, 12) | st.sampled_from([1, 100, 255]))
    is_small = count <= 12
    shape = {"count": count, "height": draw(sides if is_small else st.integers(1, 4)), "width": draw(sides)}
    shape["labels"] = count
    largest = draw(st.integers(0, 9) | st.sampled_from([9, 10, 255])) if invalid else draw(st.integers(0, 9))
    claims = {f"claimed_{name}": shape[name] for name in CLAIMS}
    arguments = {**shape, **claims, **VALID_MAGICS, "truncated_to": 0, "largest": largest}
    if invalid:
        field = draw(st.sampled_from([*claims, *VALID_MAGICS, "truncated_to", "labels", "count"]))
        near = st.integers(0, 3).map(lambda by: (arguments[field] + by - 1) % U32)
        far = st.sampled_from([0, 1, 2**16, 2**31, U32 - 1, IMAGES_MAGIC, LABELS_MAGIC, 0x03080000])
        arguments[field] = draw(near | far)
    return Step("images", arguments)


tables = legible_tables(plain=True) | legible_tables(plain=False) | unusual_tables
content_steps = tables | images(invalid=False) | images(invalid=True)


@st.composite
def content_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Return a few contents, one after the other."""
    return draw(st.lists(content_steps, min_size=1, max_size=most_steps // 5))
