"""The uploads and sockets of a sequence: what they must hold, and what happened to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.models.dataset import (
    IMAGES_HEADER,
    LABELS_HEADER,
    DatasetModel,
    csv_table,
    idx_images,
    idx_labels,
)
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.upload import Upload

CLASSES = 10
WIDEST = 128 * 1024  # pixels of an image

# What may have happened to an upload whose content is wrong in the end. In a sequence that was shrunk only that is
# left which matters, so the first of these that happened is what the server could not bear.
SUSPECTS = (
    *("FIN-4", "GEN-3", "FIN-3", "GEN-4", "DATA-11", "DATA-6", "DATA-5", "DATA-7", "DATA-8", "DATA-4", "DATA-10"),
    *("DATA-9", "FIN-7", "DATA-2", "DATA-3"),
)


@dataclass
class TrackedUpload:
    """An upload of a sequence.

    Attributes:
        upload: on the target, with the models of its files.
        right: role to the bytes that make a valid file.
        state: ``open``, ``finalized`` or ``deleted``.
        happened: ids of the requirements that what was done to it touches.
        lost: roles whose socket was lost.
    """

    upload: Upload
    right: dict[str, bytes]
    state: str = "open"
    happened: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def data(self, role: str, position: int, length: int, variant: int) -> bytes:
        """Bytes for a chunk: right ones, or others that make a valid file as well.

        Args:
            role: of the file.
            position: where they belong.
            length: how many; beyond the end of the file zeros follow.
            variant: 0 for the right bytes, another number for others in place of pixels and labels.
        """
        whole = self.right[role]
        part = np.zeros(length, dtype=np.uint8)
        inside = np.frombuffer(whole, dtype=np.uint8)[position : position + length]
        part[: len(inside)] = inside
        if variant and self.upload.kind == "mnist":
            header, modulus = (IMAGES_HEADER, 256) if role == "input" else (LABELS_HEADER, CLASSES)
            free = slice(min(max(0, header - position), len(inside)), len(inside))
            part[free] = ((part[free].astype(np.uint16) + variant) % modulus).astype(np.uint8)
        return part.tobytes()

    def model(self) -> DatasetModel:
        """Return the dataset that the acknowledged bytes make."""
        contents = {role: file.model.content.tobytes() for role, file in self.upload.files.items()}
        if self.upload.kind == "csv":
            lines = contents["input"].decode().splitlines()
            rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]], dtype=np.float32)
            return DatasetModel.from_table(lines[0].split(","), rows)
        count = len(contents["label"]) - LABELS_HEADER
        pixels = np.frombuffer(contents["input"], dtype=np.uint8, offset=IMAGES_HEADER)
        labels = np.frombuffer(contents["label"], dtype=np.uint8, offset=LABELS_HEADER)
        return DatasetModel.from_images(pixels.reshape(count, 1, -1), labels)

    def note_chunk(self, role: str, position: int, data: bytes) -> None:
        """Note what is unusual about a chunk that is about to be taken."""
        known = self.upload.files[role].model.known
        end = position + len(data)
        if known[position:end].any():
            self.happened.add("DATA-4")
        if not known[:position].all() or known[end:].any():
            self.happened.add("DATA-2")
        if len(data) != SEGMENT and end != len(known):
            self.happened.add("DATA-3")

    @contextmanager
    def suspected(self) -> Iterator[None]:
        """Blame what is wrong with the content in here on what happened to the upload."""
        try:
            yield
        except Violation as violation:
            if violation.requirement in ("FIN-1", "FIN-2"):
                violation.reattribute(next((name for name in SUSPECTS if name in self.happened), violation.requirement))
            raise
        current_case().checks_by_requirement.update(dict.fromkeys(self.happened, 1))


@dataclass
class TrackedSocket:
    """A socket of a sequence: the upload and the file that it is attached to."""

    socket: UploadSocket
    of: TrackedUpload
    role: str


def table_file(size: int, rows: int = 0) -> dict[str, bytes]:
    """Return a table.

    Args:
        size: what its values follow from, and its number of rows (1 to 20) where none is given.
        rows: how many.
    """
    values = np.random.default_rng(size).normal(size=(rows or 1 + size % 20, 2))
    return {"input": csv_table(("first", "second"), values.astype(np.float32))}


def mnist_files(size: int, count: int) -> dict[str, bytes]:
    """Images and labels: one row of pixels an image, as many pixels as fit.

    Args:
        size: of the image file, bytes; made at least large enough for one pixel an image.
        count: number of images; more where they would be very wide.
    """
    count = max(count, (size - IMAGES_HEADER) // WIDEST)
    width = max(1, (size - IMAGES_HEADER) // count)
    generator = np.random.default_rng(size)
    pixels = generator.integers(0, 256, (count, 1, width), dtype=np.uint8)
    labels = generator.integers(0, CLASSES, count, dtype=np.uint8)
    return {"input": idx_images(pixels), "label": idx_labels(labels)}


def missing_spans(known: NDArray[np.bool_], chunk: int) -> list[tuple[int, int]]:
    """Return the gaps of a file as chunks: (begin, end) each, at most ``chunk`` bytes long."""
    gaps = np.flatnonzero(~known)
    if not len(gaps):
        return []
    breaks = np.flatnonzero(np.diff(gaps) > 1) + 1
    spans: list[tuple[int, int]] = []
    for run in np.split(gaps, breaks):
        begin, end = int(run[0]), int(run[-1]) + 1
        spans += [(start, min(start + chunk, end)) for start in range(begin, end, chunk)]
    return spans
