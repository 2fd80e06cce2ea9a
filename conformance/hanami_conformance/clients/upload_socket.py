"""A socket that is attached to one file of an upload."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.clients.websocket_forms import ONE_FRAME, MessageForm
from hanami_conformance.common.text import hex_preview, printable_line
from hanami_conformance.models.file import FileModel
from hanami_proto.codec import Acknowledgement, Codec, SchemaError
from hanami_reports.common.text import pluralise


class UploadSocket:
    """Sends chunks and reads their acknowledgements (upload, step 3).

    Args:
        websocket: WebSocket that is attached to the file.
        codec: Codec of the dialect.
        model: Model of the file, updated with every acknowledged chunk.
        chunk_requirement: Id of the requirement that a rejection of a valid chunk violates; None for the one that the
            test names first.
    """

    def __init__(
        self, websocket: WebSocket, codec: Codec, model: FileModel, chunk_requirement: str | None = None
    ) -> None:
        self.websocket = websocket
        self.websocket.describe = self._describe
        self.websocket.awaiting = "acknowledgement of a chunk"
        self._codec = codec
        self.model = model
        self._chunk_requirement = chunk_requirement

    def _describe(self, message: Message) -> str:
        try:
            return f"FileUploadResponse {describe(self.decode(message))}"
        except Violation:
            return str(message)

    def send(self, position: int, data: bytes) -> None:
        """Send a chunk without waiting for its acknowledgement."""
        self.websocket.send(self._codec.encode_chunk(position, data), lambda: chunk_summary(position, data))

    def hold(self, position: int, data: bytes, form: MessageForm = ONE_FRAME) -> Callable[[], None]:
        """Send a chunk but for its end; return the function that sends that, see :meth:`WebSocket.hold`."""
        payload = self._codec.encode_chunk(position, data)
        return self.websocket.hold(payload, lambda: chunk_summary(position, data), form)

    def send_bytes(self, payload: bytes, what: str) -> None:
        """Send bytes that need not be a message of the protocol."""
        self.websocket.send(payload, f"{what}: {pluralise(len(payload), 'byte')} {hex_preview(payload)}")

    def send_fragments(self, position: int, data: bytes, cuts: Sequence[int], between: str = "") -> None:
        """Send a chunk in several frames.

        Args:
            position: Byte offset in the file.
            data: Bytes of the chunk.
            cuts: Offsets in the encoded message where a new frame begins.
            between: Control frame between any two; see :meth:`WebSocket.send_fragments`.
        """
        payload = self._codec.encode_chunk(position, data)
        edges = [0, *cuts, len(payload)]
        parts = [payload[start:end] for start, end in itertools.pairwise(edges)]
        self.websocket.send_fragments(parts, summary=chunk_summary(position, data), between=between)

    def send_segments(self, chunks: Sequence[tuple[int, bytes]], cuts: Sequence[int]) -> None:
        """Send chunks, (position, data) each, back to back; see :meth:`WebSocket.send_segmented`."""
        payloads = [self._codec.encode_chunk(position, data) for position, data in chunks]
        what = ", ".join(chunk_summary(position, data) for position, data in chunks)
        self.websocket.send_segmented(payloads, cuts, f"{what} in {pluralise(len(cuts) + 1, 'segment')}")

    def receive_acknowledgement(self) -> Acknowledgement:
        """Read the next answer.

        Raises:
            Violation: If nothing arrives, or no FileUploadResponse_Message (requirement DATA-1).
        """
        return self.decode(self.websocket.receive("a FileUploadResponse_Message"))

    def decode(self, message: Message) -> Acknowledgement:
        """Decode a message as an acknowledgement.

        Raises:
            Violation: If it is malformed (requirement DATA-1).
        """
        if message.text:
            raise Violation("a binary FileUploadResponse_Message", str(message), "DATA-1")
        try:
            return self._codec.decode_acknowledgement(message.data)
        except SchemaError as error:
            raise Violation("a FileUploadResponse_Message", f"{message}: {error}", "DATA-1") from error

    def exchange(self, position: int, data: bytes) -> Acknowledgement:
        """Send a chunk and return its acknowledgement; update the model if the chunk was accepted."""
        self.send(position, data)
        acknowledgement = self.receive_acknowledgement()
        if acknowledgement.success:
            self.model.write(position, data)
        return acknowledgement

    def write(self, position: int, data: bytes) -> None:
        """Send a chunk that the target must accept.

        Raises:
            Violation: If it is rejected.
        """
        self.send(position, data)
        self.expect_accepted(position, data, chunk_summary(position, data))

    def expect_accepted(self, position: int, data: bytes, what: str) -> None:
        """Read an answer that must be a success, and update the model.

        Args:
            position: Byte offset of the sent chunk in the file.
            data: Bytes of the sent chunk.
            what: Description of the sent message for the report.

        Raises:
            Violation: If the chunk was rejected.
        """
        acknowledgement = self.receive_acknowledgement()
        require(
            acknowledgement.success,
            expected=f"success = true to {what}",
            actual=describe(acknowledgement),
            requirement=self._chunk_requirement,
        )
        self.model.write(position, data)

    def write_rejected(self, position: int, data: bytes, why: str) -> None:
        """Send a chunk that the target must reject with a reason.

        Raises:
            Violation: If it is accepted.
        """
        self.send(position, data)
        self.expect_rejected(f"{chunk_summary(position, data)}, {why}")

    def expect_rejected(self, what: str) -> None:
        """Read an answer that must be a rejection with a reason.

        Raises:
            Violation: If it is not.
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
    """Return the description of a chunk."""
    return f"FileUpload position={position} data={pluralise(len(data), 'byte')} {hex_preview(data)}".rstrip()


def describe(acknowledgement: Acknowledgement) -> str:
    """Return the description of an acknowledgement."""
    if acknowledgement.success:
        return "success = true"
    return f"success = false, errorMessage {printable_line(acknowledgement.error)!r}"
