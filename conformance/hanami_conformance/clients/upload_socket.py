"""A socket that is attached to one file of an upload."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.common.text import hex_preview, pluralise, printable_line
from hanami_conformance.models.file import FileModel
from hanami_proto.codec import Acknowledgement, Codec, SchemaError


class UploadSocket:
    """Sends chunks and reads their acknowledgements (upload, step 3).

    Args:
        websocket: attached to the file.
        codec: of the dialect.
        model: of the file; follows what is acknowledged.
    """

    def __init__(self, websocket: WebSocket, codec: Codec, model: FileModel) -> None:
        self.websocket = websocket
        self.websocket.describe = self._describe
        self.websocket.awaiting = "acknowledgement of a chunk"
        self._codec = codec
        self.model = model

    def _describe(self, message: Message) -> str:
        try:
            return f"FileUploadResponse {describe(self.decode(message))}"
        except Violation:
            return str(message)

    def send(self, position: int, data: bytes) -> None:
        """Send a chunk without waiting for its acknowledgement."""
        self.websocket.send(self._codec.encode_chunk(position, data), lambda: chunk_summary(position, data))

    def send_bytes(self, payload: bytes, what: str) -> None:
        """Send bytes that need not be a message of the protocol."""
        self.websocket.send(payload, f"{what}: {pluralise(len(payload), 'byte')} {hex_preview(payload)}")

    def send_fragments(self, position: int, data: bytes, cuts: Sequence[int], between: str = "") -> None:
        """Send a chunk in several frames.

        Args:
            position: byte offset in the file.
            data: bytes of the chunk.
            cuts: offsets in the encoded message where a new frame begins.
            between: control frame between them; see :meth:`WebSocket.send_fragments`.
        """
        payload = self._codec.encode_chunk(position, data)
        edges = [0, *cuts, len(payload)]
        parts = [payload[start:end] for start, end in itertools.pairwise(edges)]
        self.websocket.send_fragments(parts, summary=chunk_summary(position, data), between=between)

    def send_segments(self, chunks: Sequence[tuple[int, bytes]], cuts: Sequence[int]) -> None:
        """Send chunks, (position, data) each, as one run of bytes; see :meth:`WebSocket.send_segmented`."""
        payloads = [self._codec.encode_chunk(position, data) for position, data in chunks]
        what = ", ".join(chunk_summary(position, data) for position, data in chunks)
        self.websocket.send_segmented(payloads, cuts, f"{what} in {pluralise(len(cuts) + 1, 'segment')}")

    def receive_acknowledgement(self) -> Acknowledgement:
        """Read the next answer.

        Raises:
            Violation: none came, or it is no FileUploadResponse_Message (requirement DATA-1).
        """
        message = self.websocket.receive("a FileUploadResponse_Message")
        return self.decode(message)

    def decode(self, message: Message) -> Acknowledgement:
        """Return a message as an acknowledgement.

        Raises:
            Violation: it is none (requirement DATA-1).
        """
        if message.text:
            raise Violation("a binary FileUploadResponse_Message", str(message))
        try:
            return self._codec.decode_acknowledgement(message.data)
        except SchemaError as error:
            raise Violation("a FileUploadResponse_Message", f"{message}: {error}") from error

    def exchange(self, position: int, data: bytes) -> Acknowledgement:
        """Send a chunk, wait for its acknowledgement, and let the model follow an accepted one."""
        self.send(position, data)
        acknowledgement = self.receive_acknowledgement()
        if acknowledgement.success:
            self.model.write(position, data)
        return acknowledgement

    def write(self, position: int, data: bytes) -> None:
        """Send a chunk that the target must take.

        Raises:
            Violation: it did not.
        """
        self.send(position, data)
        self.expect_accepted(position, data, chunk_summary(position, data))

    def expect_accepted(self, position: int, data: bytes, what: str) -> None:
        """Read an answer that must be a success, and let the model follow.

        Args:
            position: of the chunk that was sent, byte offset in the file.
            data: of it.
            what: was sent, for the report.

        Raises:
            Violation: it is none.
        """
        acknowledgement = self.receive_acknowledgement()
        require(acknowledgement.success, expected=f"success = true to {what}", actual=describe(acknowledgement))
        self.model.write(position, data)

    def write_rejected(self, position: int, data: bytes, why: str) -> None:
        """Send a chunk that the target must refuse with a reason.

        Raises:
            Violation: it did not.
        """
        self.send(position, data)
        self.expect_rejected(f"{chunk_summary(position, data)}, {why}")

    def expect_rejected(self, what: str) -> None:
        """Read an answer that must be a refusal with a reason.

        Raises:
            Violation: it is none.
        """
        acknowledgement = self.receive_acknowledgement()
        require(
            not acknowledgement.success and acknowledgement.error,
            expected=f"success = false and a reason to {what}",
            actual=describe(acknowledgement),
        )

    def close(self) -> list[Message]:
        """Close cleanly; see :meth:`WebSocket.close`."""
        return self.websocket.close()


def chunk_summary(position: int, data: bytes) -> str:
    """Return a chunk in words."""
    return f"FileUpload position={position} data={pluralise(len(data), 'byte')} {hex_preview(data)}".rstrip()


def describe(acknowledgement: Acknowledgement) -> str:
    """Return an acknowledgement in words."""
    if acknowledgement.success:
        return "success = true"
    return f"success = false, errorMessage {printable_line(acknowledgement.error)!r}"
