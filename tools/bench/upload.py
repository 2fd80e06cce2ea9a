"""Upload: chunks into files of the reference backend, and into nothing at the bare server."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.codec import Codec, SchemaError
from hanami_proto.dialect import load_dialect
from tools.bench.client import WebSocket, exchange_for
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.servers import Bare, Reference, Servers
from tools.bench.statistics import Aim, Sample

FILE_SIZE = 64 * 1024 * 1024  # bytes, unless those are more chunks than the next line allows
MAX_CHUNKS = 4096
ROW = b"%08d,0.25,0.5,1\n"
ROW_SIZE = len(ROW % 0)

REFERENCE = "reference backend"
BARE = "bare server"


class UploadMeasurement(Measurement):
    """File after file in chunks, one acknowledgement awaited for each."""

    name = "upload"
    title = "upload of CSV files, one answer awaited for each chunk"
    ratio_title = "messages/s: reference / bare"
    aim = Aim(0.6, at_least=True)

    @contextmanager
    def sides(self, servers: Servers, plan: Plan) -> Iterator[Mapping[str, Side]]:
        """See :meth:`Measurement.sides`."""
        content = FileContent.of(load_dialect().codec, min(FILE_SIZE, plan.chunk * MAX_CHUNKS), plan.chunk)
        sides = {
            REFERENCE: UploadSide(content, partial(reference_file, servers.reference, content.size)),
            BARE: UploadSide(content, partial(bare_file, servers.bare)),
        }
        for side in sides.values():
            side.send_file(math.inf)  # the whole of it, so that completeness is proved, too
        yield sides

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[REFERENCE].per_second / samples[BARE].per_second


@dataclass(frozen=True)
class FileContent:
    """A file as FileUpload_Messages, serialised once for all times that it is sent.

    Attributes:
        codec: Codec of the messages.
        size: Size of the file in bytes.
        chunk: Size of the data of a message in bytes; the last one may have less.
        messages: Messages in the order of their positions, which all differ.
    """

    codec: Codec
    size: int
    chunk: int
    messages: Sequence[bytes]

    @staticmethod
    def of(codec: Codec, size: int, chunk: int) -> FileContent:
        """Return a table of that size, bytes."""
        text = table(size)
        messages = [codec.encode_chunk(start, text[start : start + chunk]) for start in range(0, size, chunk)]
        return FileContent(codec, size, chunk, messages)


@dataclass(frozen=True)
class OpenFile:
    """A file that waits for its chunks.

    Attributes:
        title: Name of the server in messages.
        connection: Websocket that is attached to the file.
        is_complete: Query for the completion of the file; None where the server has none.
    """

    title: str
    connection: WebSocket
    is_complete: Callable[[], bool] | None = None


class UploadSide:
    """Uploads to one server.

    Args:
        content: Content of every file.
        start: Function that opens a new file.
    """

    def __init__(self, content: FileContent, start: Callable[[], AbstractContextManager[OpenFile]]) -> None:
        self._content = content
        self._start = start
        self._written = content.codec.encode_acknowledgement(success=True)

    def __call__(self, seconds: float) -> Sample:
        """Send files for that long; what is between two of them does not count."""
        chunks, size, spent = 0, 0, 0.0
        while spent < seconds:
            sent = self.send_file(seconds - spent)
            chunks += sent.operations
            size += sent.size
            spent += sent.seconds
        return Sample(chunks, spent, size)

    def send_file(self, seconds: float) -> Sample:
        """Send one file, or what can be sent of it in that time.

        Raises:
            ProcessError: If a chunk is rejected, or the server reports the wrong completion.
        """
        content = self._content
        with self._start() as file:
            answers, spent = exchange_for(file.connection, content.messages, seconds)
            for answer in answers:
                self._check(file.title, answer)
            is_whole = len(answers) == len(content.messages)
            if file.is_complete is not None and file.is_complete() != is_whole:
                raise ProcessError(
                    f"{file.title} took {len(answers)} of {len(content.messages)} chunks, but says otherwise"
                )
        return Sample(len(answers), spent, min(len(answers) * content.chunk, content.size))

    def _check(self, title: str, answer: bytes) -> None:
        if answer == self._written:
            return  # nearly always; decoding is for what is written in another way
        try:
            acknowledgement = self._content.codec.decode_acknowledgement(answer)
        except SchemaError as error:
            raise ProcessError(f"{title} answered a chunk with something that is {error}") from error
        if not acknowledgement.success:
            raise ProcessError(f"{title} refused a chunk: {acknowledgement.error}")


@contextmanager
def reference_file(reference: Reference, size: int) -> Iterator[OpenFile]:
    """Provide a CSV upload at the reference backend; deleted in the end, so that it takes no memory."""
    created = reference.ask("csv.init", {"name": "bench", "input_data_size": size})
    uuid = reference.text(created, "uuid")

    def is_complete() -> bool:
        return reference.ask("dataset.progress", {"uuid": uuid}).get("complete") is True

    with reference.open("file_upload", reference.text(created, "uuid_input_file")) as connection:
        yield OpenFile(reference.TITLE, connection, is_complete)
    reference.ask("dataset.delete", {"uuid": uuid})


@contextmanager
def bare_file(bare: Bare) -> Iterator[OpenFile]:
    """Provide a websocket of the bare server, which forgets what it is sent."""
    with bare.open("upload") as connection:
        yield OpenFile(bare.TITLE, connection)


def table(size: int) -> bytes:
    """Return a CSV table whose rows all differ.

    Args:
        size: Size of the text in bytes; the last row may be cut off.
    """
    return b"".join(ROW % number for number in range(-(-size // ROW_SIZE)))[:size]
