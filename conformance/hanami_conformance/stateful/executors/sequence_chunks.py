"""The chunks of a sequence: single ones, in a row, in turns, in fragments, and bytes that are none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.upload_socket import UploadSocket, describe
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.stateful.executors.sequence_uploads import SequenceUploads
from hanami_conformance.stateful.upload_state import TrackedSocket, missing_spans
from hanami_proto.codec import Chunk, SchemaError
from hanami_reports.common.text import pluralise

MOST_CHUNKS = 100  # in a filled file
ORDERS = ("ascending", "descending", "shuffled")
BETWEEN = ("", "ping", "pong")  # control frame between fragments, by number
OVER = {"finalized": "FIN-7", "deleted": "DEL-1"}  # state of an upload to the requirement that it rejects chunks

Span = tuple[int, int, int]  # position, length, variant


class SequenceChunks(SequenceUploads):
    """Sends the chunks of a sequence, and compares each answer with the model of the file."""

    def _write(self, tracked: TrackedSocket, step: Step) -> None:
        chunk = (step.int_argument("position"), step.int_argument("length"), step.int_argument("variant"))
        self._send_chunks(tracked, [chunk])

    def _write_to_suspended_server(self, tracked: TrackedSocket, step: Step) -> None:
        """Send a chunk while the server is suspended, and read its answer when it goes on."""
        if tracked.upload.state != "open":
            return
        position, length = step.int_argument("position"), step.int_argument("length")
        data = tracked.upload.data(tracked.role, position, max(1, length), step.int_argument("variant"))
        with self.server.suspended(step.int_argument("milliseconds")):
            tracked.socket.send(position, data)
        self._expect_acknowledgement(tracked, position, data, "DATA-1")

    def _pipeline(self, tracked: TrackedSocket, step: Step) -> None:
        # Empty chunks are left out: a server may leave them unanswered, and the other answers would be out of step.
        tuples = step.int_tuples_argument("chunks", 3)
        chunks = [(position, length, variant) for position, length, variant in tuples if length]
        if len(chunks) > 1:
            tracked.upload.touched_requirements.add("DATA-10")
        self._send_chunks(tracked, chunks, "DATA-10")

    def _fill(self, tracked: TrackedSocket, step: Step) -> None:
        for begin, end in self._gaps(tracked.socket, step):
            self._send_chunks(tracked, [(begin, end - begin, step.int_argument("variant"))])

    def _gaps(self, socket: UploadSocket, step: Step) -> list[tuple[int, int]]:
        order = step.choice_argument("order", ORDERS)
        least = socket.model.size // MOST_CHUNKS + 1
        gaps = missing_spans(socket.model.received, max(step.int_argument("chunk"), least))
        if order == "descending":
            gaps.reverse()
        elif order == "shuffled":
            gaps = [gaps[index] for index in np.random.default_rng(7).permutation(len(gaps))]
        return gaps

    def _interleave(self, step: Step) -> None:
        """Fill the files of all sockets in turns: a chunk on each socket before any answer is read."""
        gaps = [(socket, self._gaps(socket.socket, step)) for socket in self.sockets if socket.upload.state == "open"]
        several = len({id(socket.upload) for socket, _ in gaps}) > 1
        requirement = "DATA-9" if several else "DATA-8"
        if len(gaps) > 1:
            for socket, _ in gaps:
                socket.upload.touched_requirements.add(requirement)
        for turn in range(max((len(spans) for _, spans in gaps), default=0)):
            sent = [(socket, *spans[turn]) for socket, spans in gaps if turn < len(spans)]
            for socket, begin, end in sent:
                socket.socket.send(begin, socket.upload.data(socket.role, begin, end - begin, 0))
            for socket, begin, end in sent:
                data = socket.upload.data(socket.role, begin, end - begin, 0)
                self._expect_acknowledgement(socket, begin, data, requirement)

    def _send_fragments(self, tracked: TrackedSocket, step: Step) -> None:
        """Send a chunk in several frames, with control frames between them if the step says so."""
        if tracked.upload.state != "open":
            return
        position, length = step.int_argument("position"), step.int_argument("length")
        data = tracked.upload.data(tracked.role, position, length, step.int_argument("variant"))
        size = len(self.resources.target.dialect.codec.encode_chunk(position, data))
        cuts = sorted(cut % (size + 1) for cut in step.int_list_argument("cuts"))
        tracked.upload.touched_requirements.add("DATA-11")
        with default_requirement("DATA-11"):
            tracked.socket.send_fragments(position, data, cuts, BETWEEN[step.int_argument("ping") % len(BETWEEN)])
        self._expect_acknowledgement(tracked, position, data, "DATA-11")

    def _send_chunks(self, tracked: TrackedSocket, chunks: Sequence[Span], requirement: str = "DATA-1") -> None:
        """Send chunks without waiting in between, then read all answers and compare each with the model."""
        data_of = tracked.upload.data
        sent = [(position, data_of(tracked.role, position, length, variant)) for position, length, variant in chunks]
        try:
            for position, data in sent:
                tracked.socket.send(position, data)
            for position, data in sent:
                self._expect_acknowledgement(tracked, position, data, requirement)
        except ConnectionClosed:
            # The server may close the sockets of a finalized or deleted upload, and no others.
            if tracked.upload.state == "open":
                raise
            self._forget(tracked)

    def _expect_acknowledgement(self, tracked: TrackedSocket, position: int, data: bytes, requirement: str) -> None:
        """Read the answer to a chunk.

        Args:
            tracked: Socket on which the chunk was sent.
            position: Position of the chunk.
            data: Data of the chunk.
            requirement: Id of the requirement that a missing answer violates.
        """
        if not data:
            self._accept_any_answer(tracked)
            return
        model, state = tracked.socket.model, tracked.upload.state
        in_bounds = model.in_bounds(position, data)
        over = OVER.get(state)
        with attribute_to(over or (requirement if in_bounds else "DATA-5")):
            acknowledgement = tracked.socket.receive_acknowledgement()
        where = f"{pluralise(len(data), 'byte')} at {position} of {model.size}"
        actual = describe(acknowledgement)
        if over is not None:
            expected = f"success = false to {where}: the upload is {state}"
            require(not acknowledgement.success, expected=expected, actual=actual, requirement=over)
            return
        if in_bounds:
            correct, expected = acknowledgement.success, f"success = true to {where}"
        else:
            correct = not acknowledgement.success and bool(acknowledgement.error)
            expected = f"success = false and a reason to {where}"
        default = "DATA-3" if in_bounds else "DATA-5"
        with attribute_to(requirement if in_bounds and requirement != "DATA-1" else default):
            require(correct, expected=expected, actual=actual, requirement=default)
        if in_bounds:
            tracked.upload.note_chunk(tracked.role, position, data)
            if any(other is not tracked.upload and other.state == "open" for other in self.uploads):
                tracked.upload.touched_requirements.add("DATA-9")
        else:
            tracked.upload.touched_requirements.add("DATA-5")
        model.write(position, data)

    def _accept_any_answer(self, tracked: TrackedSocket) -> None:
        """Accept an answer, silence or a close after empty data, which is left open (DATA-12); reattach if needed."""
        websocket = tracked.socket.websocket
        answer = None
        usual, websocket.awaiting = websocket.awaiting, "answer to empty data"
        with contextlib.suppress(ResponseTimeout, ConnectionClosed):
            answer = websocket.receive_or_close("an answer to empty data, or a close")
        websocket.awaiting = usual
        if isinstance(answer, Message):
            return
        websocket.close()
        if tracked.upload.state != "open":
            self._forget(tracked)
            return
        tracked.upload.lost_sockets.add(tracked.role)
        with attribute_to("DATA-7"):
            tracked.socket = tracked.upload.upload.reattach(tracked.role)

    def _send_garbage(self, tracked: TrackedSocket, step: Step) -> None:
        """Send bytes that are not a FileUpload_Message, or that only some readers of protobuf take for one."""
        if tracked.upload.state != "open":
            return
        payload, codec = step.bytes_argument("bytes"), self.resources.target.dialect.codec
        try:
            chunk = codec.decode_chunk(payload)
        except SchemaError:
            chunk = None
        what = "bytes that are no FileUpload_Message"
        if chunk is not None:
            what = f"bytes that read as FileUpload position={chunk.position}, {pluralise(len(chunk.data), 'byte')}"
        with attribute_to("DATA-6"):
            tracked.socket.send_bytes(payload, what)
        if chunk is not None and not chunk.data:
            self._accept_any_answer(tracked)
            return
        with attribute_to("DATA-6"):
            acknowledgement = tracked.socket.receive_acknowledgement()
        if chunk is not None:
            if acknowledgement.success:
                self._apply_decoded_chunk(tracked, chunk)
            return
        tracked.upload.touched_requirements.add("DATA-6")
        expected = "success = false and a reason to bytes that are no FileUpload_Message"
        rejected = not acknowledgement.success and acknowledgement.error
        require(rejected, expected=expected, actual=describe(acknowledgement), requirement="DATA-6")

    def _apply_decoded_chunk(self, tracked: TrackedSocket, chunk: Chunk) -> None:
        """Apply accepted bytes that protobuf decodes as a chunk to the model, then overwrite them with valid ones."""
        model = tracked.socket.model
        expected = "success = false to a chunk that ends beyond the announced size"
        in_bounds = model.in_bounds(chunk.position, chunk.data)
        require(in_bounds, expected=expected, actual="success = true", requirement="DATA-5")
        tracked.upload.note_chunk(tracked.role, chunk.position, chunk.data)
        model.write(chunk.position, chunk.data)
        self._send_chunks(tracked, [(chunk.position, len(chunk.data), 0)])

    # Action to its method, and to the requirement of a failure that names none.
    chunk_actions: ClassVar[Mapping[str, tuple[Callable[[SequenceChunks, TrackedSocket, Step], None], str]]] = {
        "write": (_write, "DATA-1"),
        "fragments": (_send_fragments, "DATA-11"),
        "pipeline": (_pipeline, "DATA-10"),
        "fill": (_fill, "DATA-1"),
        "garbage": (_send_garbage, "DATA-6"),
        "suspend": (_write_to_suspended_server, "DATA-1"),
    }
    all_sockets_actions: ClassVar[Mapping[str, tuple[Callable[[SequenceChunks, Step], None], str]]] = {
        "interleave": (_interleave, "DATA-8"),
    }
