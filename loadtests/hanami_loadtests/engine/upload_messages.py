"""Uploaded files, whose chunks are serialised once, and the verification of their acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.stateful.upload_state import mnist_files, table_file
from hanami_loadtests.engine.failures import IncorrectAnswer
from hanami_loadtests.engine.frames import binary_frame
from hanami_loadtests.engine.stream import Outgoing
from hanami_proto.codec import Codec, SchemaError
from hanami_proto.dialect import Dialect
from hanami_reports.common.text import pluralise

CHUNK = "upload chunk"  # type of message
ROW_SIZE = 23  # bytes of a row of a table, on average
SIDE = 28 * 28  # pixels of an image
REPEATED = 10  # one chunk in so many is sent twice
COLUMNS = ("first", "second")


@dataclass(frozen=True)
class Content:
    """The files of one upload (upload, steps 1 to 5), made as in sequences of steps, so that it can be replayed.

    Attributes:
        kind: ``csv`` or ``mnist``.
        begin: Step of a sequence that begins the upload.
        files: Role to the bytes of the file.
        model: Model of the finalized dataset.
        dialect: Name of the dialect.
        chunks: Role to (position, length) of each chunk, in the order of sending.
        messages: Role to the messages in that order.
        scattered: Whether chunks are sent out of order, and some twice.
    """

    kind: str
    begin: Step
    files: dict[str, bytes]
    model: DatasetModel
    dialect: str
    chunks: dict[str, list[tuple[int, int]]]
    messages: dict[str, list[Outgoing]]
    scattered: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(file) for file in self.files.values())

    def completes_with_last_chunk(self, role: str) -> bool:
        """Whether a file that is sent out of order is complete with its last chunk and not before."""
        *before, last = self.chunks[role]
        return self.scattered and last not in before

    def sequence(self, error: IncorrectAnswer, role: str | None = None) -> StepSequence:
        """Return the upload for ``hanami-conformance replay``.

        Args:
            error: Incorrect answer.
            role: Role of the affected file, None for all.
        """
        steps = [self.begin]
        numbered = list(enumerate(self.files))
        for number, name in reversed(numbered) if self.scattered else numbered:
            if role in (None, name):
                chunks = [[position, length, 0] for position, length in self.chunks[name]]
                steps.append(Step("attach", {"file": number}))
                # The progress is queried as in an upload under load.
                for part in (chunks[:-1], chunks[-1:]) if self.completes_with_last_chunk(name) else (chunks,):
                    steps += [Step("pipeline", {"socket": 0, "chunks": part})] if part else []
                    steps.append(Step("progress", {"upload": 0}))
                steps.append(Step("close", {"socket": 0}))
        return StepSequence(
            "upload",
            tuple(steps),
            self.dialect,
            error.requirement,
            error.expected,
            error.actual,
            recurred_alone=False,  # seen beside other users, and not repeated
        )


@dataclass(frozen=True)
class Acknowledged:
    """The reply to a chunk: a successful acknowledgement (requirements DATA-1, DATA-3, DATA-4).

    Attributes:
        codec: Codec of the dialect.
        success: Bytes of the acknowledgement that nearly every server sends.
        position: Byte offset of the chunk.
        length: Length of the chunk, bytes.
        role: Role of the file.
        content: Content of the chunk; filled when all chunks are known.
    """

    codec: Codec
    success: bytes
    position: int
    length: int
    role: str
    content: list[Content]

    def verify(self, payload: bytes) -> int:
        """Verify one message of the reply."""
        if payload == self.success:
            return 0
        # Worded as in upload sequences: a replay compares the texts to recognise the failure.
        of = f" of {len(self.content[0].files[self.role])}" if self.content else ""
        where = f"{pluralise(self.length, 'byte')} at {self.position}{of}"
        try:
            acknowledgement = self.codec.decode_acknowledgement(payload)
        except SchemaError as error:
            raise IncorrectAnswer("DATA-1", f"a FileUploadResponse to {where}", str(error)) from error
        if not acknowledgement.success:
            raise IncorrectAnswer("DATA-3", f"success = true to {where}", describe(acknowledgement))
        return 0

    def sequence(self, error: IncorrectAnswer) -> StepSequence | None:
        """Return the exchange for ``hanami-conformance replay``."""
        return self.content[0].sequence(error, self.role) if self.content else None


def csv_content(dialect: Dialect, size: int, chunk: int, variant: int, *, scattered: bool = False) -> Content:
    """Return a table.

    Args:
        dialect: Dialect of the messages.
        size: Approximate size of the file, bytes.
        chunk: Size of the data of a chunk, bytes.
        variant: Number of the content; each has other values.
        scattered: Whether chunks are sent out of order, and some twice.
    """
    seed, rows = 1000 + variant, max(1, size // ROW_SIZE)
    files = table_file(seed, rows)
    values = np.random.default_rng(seed).normal(size=(rows, len(COLUMNS))).astype(np.float32)
    begin = Step("begin", {"kind": "csv", "size": seed, "rows": rows, "count": 1, "user": 0})
    return _content("csv", begin, files, DatasetModel.from_table(COLUMNS, values), dialect, chunk, variant, scattered)


def mnist_content(dialect: Dialect, size: int, chunk: int, variant: int, *, scattered: bool = False) -> Content:
    """Return images and labels; see :func:`csv_content`."""
    seed = size + variant  # in a sequence, size of the file and seed of its pixels are the same number
    count = max(1, size // SIDE)
    files = mnist_files(seed, count)
    images = np.frombuffer(files["input"], dtype=np.uint8, offset=16).reshape(-1, 1, *_width(files["input"]))
    labels = np.frombuffer(files["label"], dtype=np.uint8, offset=8)
    begin = Step("begin", {"kind": "mnist", "size": seed, "count": count, "user": 0})
    return _content("mnist", begin, files, DatasetModel.from_images(images, labels), dialect, chunk, variant, scattered)


def _width(images: bytes) -> tuple[int]:
    return (int.from_bytes(images[12:16], "big"),)


def _content(
    kind: str,
    begin: Step,
    files: dict[str, bytes],
    model: DatasetModel,
    dialect: Dialect,
    chunk: int,
    variant: int,
    scattered: bool,
) -> Content:
    codec = dialect.codec
    success = codec.encode_acknowledgement(success=True)
    chunks: dict[str, list[tuple[int, int]]] = {}
    messages: dict[str, list[Outgoing]] = {}
    owner: list[Content] = []
    for role, file in files.items():
        spans = [(position, min(chunk, len(file) - position)) for position in range(0, len(file), chunk)]
        order = scattered_order(len(spans), variant) if scattered else list(range(len(spans)))
        made = [
            Outgoing(
                CHUNK,
                binary_frame(codec.encode_chunk(position, file[position : position + length])),
                length,
                Acknowledged(codec, success, position, length, role, owner),
                index,
            )
            for index, (position, length) in enumerate(spans)
        ]
        chunks[role] = [spans[index] for index in order]
        messages[role] = [made[index] for index in order]
    owner.append(Content(kind, begin, files, model, dialect.name, chunks, messages, scattered))
    return owner[0]


def scattered_order(count: int, seed: int) -> Sequence[int]:
    """Return an order of chunks that is not ascending, with one in ten sent twice (DATA-2, DATA-4).

    The last chunk is sent once, so that the file is incomplete before (PROG-2), unless it is the only one.

    Args:
        count: Number of chunks.
        seed: Seed of the order.
    """
    random = np.random.default_rng(seed)
    order = [int(index) for index in random.permutation(count)]
    if order == sorted(order):
        order.reverse()
    before, last = (order[:-1], order[-1:]) if count > 1 else (order, [])
    again = [before[int(index)] for index in random.integers(0, len(before), -(-count // REPEATED))]
    return before + again + last
