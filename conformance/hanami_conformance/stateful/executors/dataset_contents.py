"""Executor of dataset contents: valid, unusual and invalid tables and IDX files are uploaded and finalized."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hanami_conformance.cases.attribution import attribute_to_steps, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import Step
from hanami_conformance.models.dataset import IMAGES_MAGIC, LABELS_MAGIC, DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import check_dataset, completion_of
from hanami_conformance.resources.readback import check_no_rows
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.novelty import noted
from hanami_conformance.target.target import Account
from hanami_reports.common.text import pluralise

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
LEAST, GREATEST = 1e-30, 1e30  # range in which a float32 keeps all of its digits
COMMON_CLASSES = 10  # some servers reject labels from here on
LARGEST_SIDE = 256  # pixels in a row or column, and images; exclusive
U32 = 2**32


@dataclass
class DatasetContentExecutor:
    """Executes sequences of dataset contents: each is uploaded completely and finalized.

    Args:
        resources: Factory of the uploads.
        accounts: Accounts of the target.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; a valid table must be finalized at the end."""
        for step in noted(steps, str):
            step.require_action(self.actions)
            self.actions[step.action](self, step)
        with attribute_to_steps(steps, "GEN-2", default="FIN-1"):
            model = DatasetModel.from_table(("alpha", "beta"), np.array([[1, 2]], dtype=np.float32))
            upload = self._uploaded("csv", {"input": b"alpha,beta\n1,2\n"})
            self._expect_accepted(upload, model, "a table after the others")

    def _uploaded(self, kind: str, contents: Mapping[str, bytes]) -> Upload:
        if kind == "csv":
            upload = self.resources.csv(len(contents["input"]))
        else:
            upload = self.resources.mnist(len(contents["input"]), len(contents["label"]))
        upload.write_all(contents)
        completion_of(upload).judge()
        return upload

    def _expect_accepted(self, upload: Upload, model: DatasetModel, what: str) -> None:
        answer = upload.finalize()
        require(answer.status == 200, expected=f"200 to the PUT of {what}", actual=answer, requirement="FIN-1")
        check_dataset(upload, model)

    def _expect_rejected(self, upload: Upload, what: str) -> None:
        with default_requirement("FIN-6", counts=False):
            answer = upload.finalize()
            reasoned = answer.rejected and answer.text.strip()
            require(reasoned, expected=f"a 4xx with a reason to the PUT of {what}", actual=answer, requirement="FIN-6")
            check_no_rows(upload, what, "FIN-6")

    def _expect_answer(self, upload: Upload, what: str, model: DatasetModel | None = None) -> None:
        """Finalize a content that may be accepted or rejected; an accepted one must match a given model."""
        with default_requirement("GEN-1", counts=False):
            answer = upload.finalize()
        accepted = answer.status == 200
        expected = f"200 or a 4xx to the PUT of {what}"
        require(accepted or answer.rejected, expected=expected, actual=answer, requirement="GEN-1")
        if accepted and model is not None:
            check_dataset(upload, model)

    def _upload_table(self, step: Step) -> None:
        names, rows = step.text_list_argument("names"), step.text_rows_argument("rows")
        newline = "\r\n" if step.int_argument("crlf") % 2 else "\n"
        lines = [",".join(names), *(",".join(row) for row in rows)]
        text = newline.join(lines) + (newline if step.int_argument("end") % 2 else "")
        content = text.encode("utf-8", "replace")
        if not content:
            return
        what = f"a table of {pluralise(len(names), 'column')} and {pluralise(len(rows), 'row')}"
        upload = self._uploaded("csv", {"input": content})
        if not is_legible(names, rows):
            self._expect_answer(upload, f"{what}, which is unusual")
            return
        values = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float32)
        model = DatasetModel.from_table(names, values)
        if newline == "\n" and text.endswith(newline) and is_regular(names, rows):
            self._expect_accepted(upload, model, what)
        else:
            self._expect_answer(upload, f"{what}, which not every server reads", model)

    def _upload_images(self, step: Step) -> None:
        count, height, width, labels = (
            step.int_argument(name) % LARGEST_SIDE for name in ("count", "height", "width", "labels")
        )
        claims = [step.int_argument(f"claimed_{name}") % U32 for name in ("count", "height", "width", "labels")]
        magics = (step.int_argument("images_magic") % U32, step.int_argument("labels_magic") % U32)
        generator = np.random.default_rng(count * 1000 + height * width)
        pixels = generator.integers(0, 256, (count, height, width), dtype=np.uint8)
        classes = generator.integers(0, 1 + step.int_argument("largest") % LARGEST_SIDE, labels, dtype=np.uint8)
        contents = {
            "input": struct.pack(">IIII", magics[0], *claims[:3]) + pixels.tobytes(),
            "label": struct.pack(">II", magics[1], claims[3]) + classes.tobytes(),
        }
        length = step.int_argument("truncated_to") % 16
        if length:
            contents["input"] = contents["input"][:length]
        upload = self._uploaded("mnist", contents)
        claimed_pixels = claims[0] * claims[1] * claims[2]
        what = f"{labels} labels and {count} images of {height} x {width}, where the headers say {claims}"
        if length:
            self._expect_rejected(upload, f"an image file that ends after {length} bytes")
        elif magics != (IMAGES_MAGIC, LABELS_MAGIC):
            self._expect_rejected(upload, f"files that begin with {magics[0]:#010x} and {magics[1]:#010x}")
        elif claimed_pixels > pixels.size or claims[3] > labels:
            self._expect_rejected(upload, what)
        elif not pixels.size or claims != [count, height, width, count] or labels != count:
            self._expect_answer(upload, what)
        elif classes.max(initial=0) >= COMMON_CLASSES:
            self._expect_answer(upload, f"{what}, with label {classes.max()}")
        else:
            self._expect_accepted(upload, DatasetModel.from_images(pixels, classes), what)

    actions: ClassVar[Mapping[str, Callable[[DatasetContentExecutor, Step], None]]] = {
        "table": _upload_table,
        "images": _upload_images,
    }


def is_regular(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether every server must accept a table whose lines all end in a line feed.

    The protocol says CSV and no more, so this is the least that the word means: names that differ even if case is
    ignored, and decimal numbers without exponents and plus signs.
    """
    return (
        is_legible(names, rows)
        and len({name.lower() for name in names}) == len(names)
        and all(PLAIN.fullmatch(cell) for row in rows for cell in row)
    )


def is_legible(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table can be read in one way only: plain names, and a number in each cell of at least one row."""
    return (
        bool(names and rows)
        and all(NAME.fullmatch(name) for name in names)
        and len(set(names)) == len(names)
        and all(len(row) == len(names) and all(map(is_number, row)) for row in rows)
    )


def is_number(cell: str) -> bool:
    """Whether a cell is a number of which a float32 keeps all digits."""
    if not NUMBER.fullmatch(cell):
        return False
    size = abs(float(cell))
    return size == 0 or LEAST <= size <= GREATEST
