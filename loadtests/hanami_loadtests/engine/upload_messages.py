"""What is uploaded: files whose chunks are serialised once, and how their acknowledgements are verified."""

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
REPEATED = 10  # one chunk in so many is sent again
COLUMNS = ("first", "second")


@dataclass(frozen=True)
class Content:
    """The files of one upload (upload, steps 1 to 5), made as sequences make them, so that one can be replayed.

    Attributes:
        kind: ``csv`` or ``mnist``.
        begin: step of a sequence that begins it.
        files: role to the bytes of the file.
        model: what the finalized dataset must hold.
        dialect: name of it.
        chunks: role to (position, length) in the order in which they are sent.
        messages: role to the messages in that order.
        scattered: whether chunks go out of order, and some twice.
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

    def ends_whole(self, role: str) -> bool:
        """Whether a file that is sent out of order is whole with its last chunk, and not before."""
        *before, last = self.chunks[role]
        return self.scattered and last not in before

    def sequence(self, error: IncorrectAnswer, role: str | None = None) -> StepSequence:
        """Return the upload as ``hanami-conformance replay`` tells it.

        Args:
            error: what was wrong.
            role: of the file at fault, None for all.
        """
        steps = [self.begin]
        numbered = list(enumerate(self.files))
        for number, name in reversed(numbered) if self.scattered else numbered:
            if role in (None, name):
                chunks = [[position, length, 0] for position, length in self.chunks[name]]
                steps.append(Step("attach", {"file": number}))
                # As uploads ask for the progress.
                for part in (chunks[:-1], chunks[-1:]) if self.ends_whole(name) else (chunks,):
                    steps += [Step("pipeline", {"socket": 0, "chunks": part})] if part else []
                    steps.append(Step("poll", {"upload": 0}))
                steps.append(Step("close", {"socket": 0}))
        return StepSequence("upload", tuple(steps), self.dialect, error.requirement, error.expected, error.actual)


@dataclass(frozen=True)
class Acknowledged:
    """A chunk must be acknowledged (requirements DATA-1, DATA-3, DATA-4).

    Attributes:
        codec: of the messages.
        success: an acknowledgement as nearly every server writes it.
        position: of the chunk.
        length: of the chunk, bytes.
        role: of the file.
        content: that the chunk belongs to; filled when all chunks are known.
    """

    codec: Codec
    success: bytes
    position: int
    length: int
    role: str
    content: list[Content]

    def verify(self, payload: bytes) -> int:
        """See :class:`hanami_loadtests.engine.stream.ExpectedReply`."""
        if payload == self.success:
            return 0
        # In the words of the upload sequences: a replay tells by them whether it is the same failure.
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
        """See :class:`hanami_loadtests.engine.stream.ExpectedReply`."""
        return self.content[0].sequence(error, self.role) if self.content else None


def csv_content(dialect: Dialect, size: int, chunk: int, variant: int, *, scattered: bool = False) -> Content:
    """Return a table.

    Args:
        dialect: that it is sent in.
        size: of the file, bytes, about.
        chunk: data of a chunk, bytes.
        variant: number of the content; another number, other values.
        scattered: whether chunks go out of order, and some twice.
    """
    seed, rows = 1000 + variant, max(1, size // ROW_SIZE)
    files = table_file(seed, rows)
    values = np.random.default_rng(seed).normal(size=(rows, len(COLUMNS))).astype(np.float32)
    begin = Step("begin", {"kind": "csv", "size": seed, "rows": rows, "count": 1, "user": 0})
    return _content("csv", begin, files, DatasetModel.from_table(COLUMNS, values), dialect, chunk, variant, scattered)


def mnist_content(dialect: Dialect, size: int, chunk: int, variant: int, *, scattered: bool = False) -> Content:
    """Images and labels; see :func:`csv_content`."""
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
    """Return an order of chunks that is not ascending where there are two, one in ten sent twice (DATA-2, DATA-4).

    What comes last comes once, so that the file is not whole before (PROG-2), unless it is the only one.

    Args:
        count: number of chunks.
        seed: of the order.
    """
    random = np.random.default_rng(seed)
    order = [int(index) for index in random.permutation(count)]
    if order == sorted(order):
        order.reverse()
    before, last = (order[:-1], order[-1:]) if count > 1 else (order, [])
    again = [before[int(index)] for index in random.integers(0, len(before), -(-count // REPEATED))]
    return before + again + last
