"""The uploads and sockets of a sequence: their required content, and the requirements that their steps touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.cases.failures import PreconditionFailed, Violation
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
from hanami_conformance.resources.finished_upload import FinishedUpload
from hanami_conformance.resources.upload import Upload

CLASSES = 10
WIDEST = 128 * 1024  # pixels in an image

# Requirements that a wrong content in the end is attributed to, most specific first. A shrunk sequence holds only the
# steps that matter, so the first of these that its steps touched is the violated one.
SUSPECTS = (
    *("FIN-4", "GEN-3", "FIN-3", "GEN-4", "DATA-11", "DATA-6", "DATA-5", "DATA-7", "DATA-8", "DATA-4", "DATA-10"),
    *("DATA-9", "FIN-7", "DATA-2", "DATA-3"),
)


@dataclass
class TrackedUpload:
    """An upload of a sequence.

    Attributes:
        upload: Upload on the target, with the models of its files.
        valid_contents: Role to the bytes of a valid file.
        state: ``open``, ``finalized`` or ``deleted``.
        touched_requirements: Ids of the requirements that the steps on the upload touch.
        lost_sockets: Roles whose socket was closed or lost.
    """

    upload: Upload
    valid_contents: dict[str, bytes]
    state: str = "open"
    touched_requirements: set[str] = field(default_factory=set)
    lost_sockets: set[str] = field(default_factory=set)

    def data(self, role: str, position: int, length: int, variant: int) -> bytes:
        """Return the bytes of a chunk, from the valid file or from a variant that is valid as well.

        Args:
            role: Role of the file.
            position: Position of the chunk in the file.
            length: Number of bytes; zeros follow beyond the end of the file.
            variant: 0 for the valid file, another number for other pixels and labels.
        """
        whole = self.valid_contents[role]
        part = np.zeros(length, dtype=np.uint8)
        inside = np.frombuffer(whole, dtype=np.uint8)[position : position + length]
        part[: len(inside)] = inside
        if variant and self.upload.kind == "mnist":
            header, modulus = (IMAGES_HEADER, 256) if role == "input" else (LABELS_HEADER, CLASSES)
            free = slice(min(max(0, header - position), len(inside)), len(inside))
            part[free] = ((part[free].astype(np.uint16) + variant) % modulus).astype(np.uint8)
        return part.tobytes()

    def model(self) -> DatasetModel:
        """Return the dataset that consists of the acknowledged bytes."""
        return dataset_model({role: file.model.content.tobytes() for role, file in self.upload.files.items()})

    def note_chunk(self, role: str, position: int, data: bytes) -> None:
        """Note the requirements that a chunk touches, before the model applies it."""
        received = self.upload.files[role].model.received
        end = position + len(data)
        if received[position:end].any():
            self.touched_requirements.add("DATA-4")
        if not received[:position].all() or received[end:].any():
            self.touched_requirements.add("DATA-2")
        if len(data) != SEGMENT and end != len(received):
            self.touched_requirements.add("DATA-3")

    @contextmanager
    def attribute_content(self) -> Iterator[None]:
        """Attribute a wrong content to the first of SUSPECTS that the steps on the upload touched.

        If the same files, sent plainly, become a wrong dataset as well, the steps did not cause it.
        """
        touched = self.touched_requirements
        try:
            yield
        except Violation as violation:
            suspect = next((name for name in SUSPECTS if name in touched), None)
            named = violation.requirement
            if named in ("FIN-1", "FIN-2") and suspect is not None and not self._is_wrong_in_any_case(named):
                violation.reattribute(suspect)
            raise
        current_case().checks_by_requirement.update(dict.fromkeys(touched, 1))

    def _is_wrong_in_any_case(self, requirement: str) -> bool:
        try:
            twin = FinishedUpload(self.upload, self.model(), "the upload").plain_twin()
            findings = [twin.aspect(name) for name in twin.ASPECTS]
        except Violation as violation:  # a lost server, which is no finding
            return violation.requirement == requirement
        except PreconditionFailed:
            return False
        return any(not finding.correct for finding in findings if finding.requirement == requirement)


@dataclass
class TrackedSocket:
    """A socket of a sequence, with the upload and the role of the file that it is attached to."""

    socket: UploadSocket
    upload: TrackedUpload
    role: str


def dataset_model(contents: Mapping[str, bytes]) -> DatasetModel:
    """Return the dataset that the files of an upload become.

    Args:
        contents: Role to the bytes of the file.
    """
    if "label" not in contents:
        lines = contents["input"].decode().splitlines()
        rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]], dtype=np.float32)
        return DatasetModel.from_table(lines[0].split(","), rows)
    count = len(contents["label"]) - LABELS_HEADER
    pixels = np.frombuffer(contents["input"], dtype=np.uint8, offset=IMAGES_HEADER)
    labels = np.frombuffer(contents["label"], dtype=np.uint8, offset=LABELS_HEADER)
    return DatasetModel.from_images(pixels.reshape(count, 1, -1), labels)


def table_file(size: int, rows: int = 0) -> dict[str, bytes]:
    """Return the file of a table.

    Args:
        size: Seed of the values; it gives the number of rows (1 to 20) as well if ``rows`` is 0.
        rows: Number of rows.
    """
    values = np.random.default_rng(size).normal(size=(rows or 1 + size % 20, 2))
    return {"input": csv_table(("first", "second"), values.astype(np.float32))}


def mnist_files(size: int, count: int) -> dict[str, bytes]:
    """Return files of images and labels; each image is one row of as many pixels as fit.

    Args:
        size: Size of the image file in bytes; raised to one pixel an image.
        count: Number of images; raised if they would be wider than WIDEST.
    """
    count = max(count, (size - IMAGES_HEADER) // WIDEST)
    width = max(1, (size - IMAGES_HEADER) // count)
    generator = np.random.default_rng(size)
    pixels = generator.integers(0, 256, (count, 1, width), dtype=np.uint8)
    labels = generator.integers(0, CLASSES, count, dtype=np.uint8)
    return {"input": idx_images(pixels), "label": idx_labels(labels)}


def missing_spans(received: NDArray[np.bool_], chunk: int) -> list[tuple[int, int]]:
    """Return the gaps of a file as chunks (begin, end) of at most ``chunk`` bytes."""
    gaps = np.flatnonzero(~received)
    if not len(gaps):
        return []
    breaks = np.flatnonzero(np.diff(gaps) > 1) + 1
    spans: list[tuple[int, int]] = []
    for run in np.split(gaps, breaks):
        begin, end = int(run[0]), int(run[-1]) + 1
        spans += [(start, min(start + chunk, end)) for start in range(begin, end, chunk)]
    return spans
