"""Sequences of contents: tables and IDX files, right, odd and wrong, are finalized, refused, or left open."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import Step
from hanami_conformance.common.text import pluralise
from hanami_conformance.models.dataset import IMAGES_MAGIC, LABELS_MAGIC, DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.readback import check_dataset, check_no_rows
from hanami_conformance.resources.upload import Upload
from hanami_conformance.target.target import Account

ACTIONS = ("table", "images")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
LEAST, GREATEST = 1e-30, 1e30  # what a float32 holds with all of its digits
COMMON_CLASSES = 10  # labels from here on are taken by some servers and refused by others
SEEN = 256  # pixels of an image at most, and images
U32 = 2**32


@dataclass
class DatasetContentExecutor:
    """Acts sequences of contents out: each is uploaded whole and finalized.

    Args:
        resources: makes the uploads, and deletes them.
        accounts: the first of them uploads.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]

    def tell(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; at the end a right table must be finalized."""
        for step in steps:
            step.must_be_one_of(ACTIONS)
            getattr(self, f"_{step.do}")(step)
        with attribute_to("GEN-2"):
            model = DatasetModel.from_table(("alpha", "beta"), np.array([[1, 2]], dtype=np.float32))
            self._right(self._uploaded("csv", {"input": b"alpha,beta\n1,2\n"}), model, "a table after the others")

    def _uploaded(self, kind: str, contents: Mapping[str, bytes]) -> Upload:
        if kind == "csv":
            upload = self.resources.csv(len(contents["input"]))
        else:
            upload = self.resources.mnist(len(contents["input"]), len(contents["label"]))
        upload.write_all(contents)
        require(upload.wait_complete(), expected="complete = true", actual="complete = false", requirement="PROG-3")
        return upload

    def _right(self, upload: Upload, model: DatasetModel, what: str) -> None:
        answer = upload.finalize()
        require(answer.status == 200, expected=f"200 to the PUT of {what}", actual=answer, requirement="FIN-1")
        check_dataset(upload, model)

    def _wrong(self, upload: Upload, what: str) -> None:
        with default_requirement("FIN-6", counts=False):
            answer = upload.finalize()
            reasoned = answer.rejected and answer.text.strip()
            require(reasoned, expected=f"a 4xx with a reason to the PUT of {what}", actual=answer, requirement="FIN-6")
            check_no_rows(upload, what, "FIN-6")

    def _open(self, upload: Upload, what: str) -> None:
        """Send what is left open: it may be taken or refused, and is answered all the same."""
        with default_requirement("GEN-1", counts=False):
            answer = upload.finalize()
        taken = answer.status == 200 or answer.rejected
        require(taken, expected=f"200 or a 4xx to the PUT of {what}", actual=answer, requirement="GEN-1")

    def _legible(self, upload: Upload, model: DatasetModel, what: str) -> None:
        """Send what may be taken or refused; where it is taken, no doubt is left what it holds."""
        with default_requirement("GEN-1", counts=False):
            answer = upload.finalize()
        taken = answer.status == 200
        require(
            taken or answer.rejected, expected=f"200 or a 4xx to the PUT of {what}", actual=answer, requirement="GEN-1"
        )
        if taken:
            check_dataset(upload, model)

    def _table(self, step: Step) -> None:
        names, rows = step.texts("names"), step.rows("rows")
        newline = "\r\n" if step.number("crlf") % 2 else "\n"
        lines = [",".join(names), *(",".join(row) for row in rows)]
        text = newline.join(lines) + (newline if step.number("end") % 2 else "")
        content = text.encode("utf-8", "replace")
        if not content:
            return
        what = f"a table of {pluralise(len(names), 'column')} and {pluralise(len(rows), 'row')}"
        upload = self._uploaded("csv", {"input": content})
        if is_legible(names, rows):
            values = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float32)
            model = DatasetModel.from_table(names, values)
            if newline == "\n" and text.endswith(newline) and is_regular(names, rows):
                self._right(upload, model, what)
            else:
                self._legible(upload, model, f"{what}, which not every server reads")
        else:
            self._open(upload, f"{what}, which is odd")

    def _images(self, step: Step) -> None:
        count, height, width, labels = (step.number(name) % SEEN for name in ("count", "height", "width", "labels"))
        claims = [step.number(f"claimed_{name}") % U32 for name in ("count", "height", "width", "labels")]
        magics = (step.number("images_magic") % U32, step.number("labels_magic") % U32)
        generator = np.random.default_rng(count * 1000 + height * width)
        pixels = generator.integers(0, 256, (count, height, width), dtype=np.uint8)
        classes = generator.integers(0, 1 + step.number("largest") % SEEN, labels, dtype=np.uint8)
        contents = {
            "input": struct.pack(">IIII", magics[0], *claims[:3]) + pixels.tobytes(),
            "label": struct.pack(">II", magics[1], claims[3]) + classes.tobytes(),
        }
        cut = step.number("cut") % 16
        if cut:
            contents["input"] = contents["input"][:cut]
        upload = self._uploaded("mnist", contents)
        promised = claims[0] * claims[1] * claims[2]
        what = f"{labels} labels and {count} images of {height} x {width}, where the headers say {claims}"
        if cut:
            self._wrong(upload, f"an image file that ends after {cut} bytes")
        elif magics != (IMAGES_MAGIC, LABELS_MAGIC):
            self._wrong(upload, f"files that begin with {magics[0]:#010x} and {magics[1]:#010x}")
        elif promised > pixels.size or claims[3] > labels:
            self._wrong(upload, what)
        elif not pixels.size or claims != [count, height, width, count] or labels != count:
            self._open(upload, what)
        elif classes.max(initial=0) >= COMMON_CLASSES:
            self._open(upload, f"{what}, with label {classes.max()}")
        else:
            self._right(upload, DatasetModel.from_images(pixels, classes), what)


def is_regular(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether every server must take a table, whose lines all end in a line feed.

    The protocol speaks of CSV and says no more. So this is the least that the word means: names that differ, also where
    a server takes capitals for small letters, and decimal numbers without exponents and plus signs.
    """
    return (
        is_legible(names, rows)
        and len({name.lower() for name in names}) == len(names)
        and all(PLAIN.fullmatch(cell) for row in rows for cell in row)
    )


def is_legible(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether there is but one way to read a table: plain names, and a number in each cell of at least one row."""
    return (
        bool(names and rows)
        and all(NAME.fullmatch(name) for name in names)
        and len(set(names)) == len(names)
        and all(len(row) == len(names) and all(map(is_number, row)) for row in rows)
    )


def is_number(cell: str) -> bool:
    """Whether a cell is a number that a float32 holds with all of its digits."""
    if not NUMBER.fullmatch(cell):
        return False
    size = abs(float(cell))
    return size == 0 or LEAST <= size <= GREATEST
