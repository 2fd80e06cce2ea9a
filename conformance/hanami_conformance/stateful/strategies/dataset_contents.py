"""Tables and IDX files: right ones, and the many ways to be odd or wrong."""

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
ODD_CELLS = [
    "",
    " ",
    "x",
    "null",
    "NaN",
    "inf",
    "1e39",
    "1e400",
    "1,5",
    '"1"',
    '"',
    "0x10",
    "1_0",
    "\u00e4",
    "\x00",
    "--1",
    "1 2",
]
ODD_NAMES = ["", " ", "1", "a b", '"a"', "\u00e4\u00f6", "\u4e2d", "\x00", "a" * 300, "A", "a"]


@st.composite
def legible_tables(draw: st.DrawFn, *, plain: bool) -> Step:
    """Return a table of one column and one row at least that can be read in one way.

    Args:
        draw: given by Hypothesis.
        plain: whether every server must take it.
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


odd_names = names | st.sampled_from(ODD_NAMES)
odd_rows = st.lists(numbers | st.sampled_from(ODD_CELLS), max_size=4)
odd_tables = step(
    "table",
    names=st.lists(odd_names, max_size=4),
    rows=st.lists(odd_rows, max_size=5),
    crlf=st.integers(0, 1),
    end=st.integers(0, 1),
)

CLAIMS = ("count", "height", "width", "labels")
TRUE_MAGICS = {"images_magic": IMAGES_MAGIC, "labels_magic": LABELS_MAGIC}


@st.composite
def images(draw: st.DrawFn, *, wrong: bool) -> Step:
    """Images and labels.

    Args:
        draw: given by Hypothesis.
        wrong: whether the headers may say something else than what follows.
    """
    sides = st.integers(1, 6) | st.integers(1, 28)
    count = draw(st.integers(1, 12) | st.sampled_from([1, 100, 255]))
    is_small = count <= 12
    truth = {"count": count, "height": draw(sides if is_small else st.integers(1, 4)), "width": draw(sides)}
    truth["labels"] = count
    largest = draw(st.integers(0, 9) | st.sampled_from([9, 10, 255])) if wrong else draw(st.integers(0, 9))
    told = {**truth, **{f"claimed_{name}": truth[name] for name in CLAIMS}, **TRUE_MAGICS, "cut": 0, "largest": largest}
    if wrong:
        field = draw(st.sampled_from([*(f"claimed_{name}" for name in CLAIMS), *TRUE_MAGICS, "cut", "labels", "count"]))
        near = st.integers(0, 3).map(lambda by: (told[field] + by - 1) % U32)
        far = st.sampled_from([0, 1, 2**16, 2**31, U32 - 1, IMAGES_MAGIC, LABELS_MAGIC, 0x03080000])
        told[field] = draw(near | far)
    return Step("images", told)


tables = legible_tables(plain=True) | legible_tables(plain=False) | odd_tables
contents = tables | images(wrong=False) | images(wrong=True)


@st.composite
def content_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Sequences of contents: a few, one after the other."""
    return draw(st.lists(contents, min_size=1, max_size=most_steps // 5))
