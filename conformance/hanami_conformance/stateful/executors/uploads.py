"""Executor of uploads: several at once, chunks in any order, lost sockets, early and late finalizes, other users."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.upload_socket import UploadSocket, describe
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import check_dataset
from hanami_conformance.stateful.access_checks import (
    OTHER_USER_ACTIONS,
    attach_after_end,
    attempt_as_other_user,
    expect_deleted,
    finalize_with_invalid_body,
)
from hanami_conformance.stateful.stalled_client import FEWEST_CONNECTIONS, STALL_KINDS, StalledClient
from hanami_conformance.stateful.upload_state import (
    TrackedSocket,
    TrackedUpload,
    missing_spans,
    mnist_files,
    table_file,
)
from hanami_conformance.target.target import Account
from hanami_proto.codec import Chunk, SchemaError
from hanami_reports.common.text import pluralise

MOST_UPLOADS = 3
MOST_CHUNKS = 100  # in a filled file
ORDERS = ("ascending", "descending", "shuffled")
BETWEEN = ("", "ping", "pong")  # control frame between fragments, by number
OVER = {"finalized": "FIN-7", "deleted": "DEL-1"}  # state of an upload to the requirement that it rejects chunks

Span = tuple[int, int, int]  # position, length, variant


@dataclass
class UploadExecutor:
    """Executes sequences of uploads.

    Args:
        resources: Factory of the uploads.
        accounts: Accounts that may upload; a sequence names them by number.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    uploads: list[TrackedUpload] = field(default_factory=list)
    sockets: list[TrackedSocket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stalled_client = StalledClient(self.resources.target)

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; open uploads are completed and read back at the end."""
        try:
            for step in steps:
                step.require_action({*self.socket_actions, *self.upload_actions, *self.actions})
                with self.stalled_client.attribute_failures():
                    self._execute_step(step)
            with self.stalled_client.attribute_failures(), default_requirement("FIN-1", counts=False):
                for upload in self.uploads:
                    self._complete(upload)
        finally:
            self.stalled_client.stop()

    def _execute_step(self, step: Step) -> None:
        """Execute a step, on the socket or the upload that it names by number if it needs one."""
        if step.action in self.socket_actions:
            on_socket, requirement = self.socket_actions[step.action]
            number = step.int_argument("socket")
            if self.sockets:
                with default_requirement(requirement, counts=False):
                    on_socket(self, self.sockets[number % len(self.sockets)], step)
        elif step.action in self.upload_actions:
            on_upload, requirement = self.upload_actions[step.action]
            number = step.int_argument("upload")
            if self.uploads:
                with default_requirement(requirement, counts=False):
                    on_upload(self, self.uploads[number % len(self.uploads)], step)
        else:
            action, requirement = self.actions[step.action]
            with default_requirement(requirement, counts=False):
                action(self, step)

    # Uploads and sockets

    def _begin(self, step: Step) -> None:
        if len(self.uploads) >= MOST_UPLOADS:
            return
        account = self.accounts[step.int_argument("user") % len(self.accounts)]
        if step.text_argument("kind") == "csv":
            rows = step.int_argument("rows") if "rows" in step.arguments else 0
            contents = table_file(step.int_argument("size"), rows)
            upload = self.resources.csv(len(contents["input"]), account)
        else:
            contents = mnist_files(step.int_argument("size"), max(1, step.int_argument("count")))
            upload = self.resources.mnist(len(contents["input"]), len(contents["label"]), account)
        self.uploads.append(TrackedUpload(upload, contents))

    def _attach(self, step: Step) -> None:
        files = [(upload, role) for upload in self.uploads if upload.state == "open" for role in upload.upload.files]
        if files:
            self._attached_socket(*files[step.int_argument("file") % len(files)])

    def _attached_socket(self, upload: TrackedUpload, role: str) -> TrackedSocket:
        """Attach a socket to a file; an earlier one is closed first, since several are left open (ATT-8)."""
        for earlier in [socket for socket in self.sockets if socket.upload is upload and socket.role == role]:
            self._close(earlier)
        self._make_room()
        with attribute_to("DATA-7" if role in upload.lost_sockets else "ATT-2"):
            socket = TrackedSocket(upload.upload.reattach(role), upload, role)
        self.sockets.append(socket)
        return socket

    def _make_room(self) -> None:
        """Close sockets until one more is within the limit of connections."""
        limit = self.resources.target.connection_limit.limit - self.stalled_client.connections
        while len(self.sockets) >= max(1, limit):
            self._close(self.sockets[0])

    def _close(self, tracked: TrackedSocket, step: Step | None = None) -> None:  # noqa: ARG002 - signature of a step
        unsolicited = tracked.socket.close()
        self._forget(tracked)
        expected, actual = "one answer to each message", f"{len(unsolicited)} more"
        require(not unsolicited, expected=expected, actual=actual, requirement="DATA-1")

    def _drop(self, tracked: TrackedSocket, step: Step) -> None:  # noqa: ARG002
        tracked.socket.websocket.reset()
        self._forget(tracked)
        tracked.upload.touched_requirements.add("DATA-7")

    def _forget(self, tracked: TrackedSocket) -> None:
        tracked.upload.lost_sockets.add(tracked.role)
        self.sockets = [other for other in self.sockets if other is not tracked]

    def _start_stalled_client(self, step: Step) -> None:
        how = step.choice_argument("how", STALL_KINDS)
        if self.resources.target.connection_limit.limit < FEWEST_CONNECTIONS:
            return
        self.stalled_client.stop()
        self._make_room()
        self.stalled_client.start(how)
        for upload in self.uploads:
            upload.touched_requirements.add("GEN-4")

    # Chunks

    def _write(self, tracked: TrackedSocket, step: Step) -> None:
        chunk = (step.int_argument("position"), step.int_argument("length"), step.int_argument("variant"))
        self._send_chunks(tracked, [chunk])

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

    # Progress, finalize, delete

    def _poll_progress(self, tracked: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        if tracked.state == "open":
            self._check_progress(tracked)

    def _check_progress(self, tracked: TrackedUpload) -> None:
        actual = f"complete = {str(tracked.upload.progress()).lower()}"
        missing = sum(file.model.missing for file in tracked.upload.files.values())
        correct = f"complete = {str(not missing).lower()}"
        expected = f"{correct}: {pluralise(missing, 'byte')} missing"
        requirement = "PROG-2" if missing else "PROG-3"
        require(actual == correct, expected=expected, actual=actual, requirement=requirement)

    def _finalize(self, tracked: TrackedUpload, step: Step | None = None) -> None:  # noqa: ARG002
        complete = tracked.upload.complete
        answer = tracked.upload.finalize()
        if tracked.state == "open" and complete:
            if any(socket.upload is tracked for socket in self.sockets):
                tracked.touched_requirements.add("FIN-7")
            with tracked.attribute_content():
                expected = "200 to the PUT of a complete upload"
                require(answer.status == 200, expected=expected, actual=answer, requirement="FIN-1")
            tracked.state = "finalized"  # its content is read back once, at the end
            return
        requirement = {"open": "FIN-3", "finalized": "FIN-5"}.get(tracked.state, "DEL-1")
        state = tracked.state if tracked.state != "open" else "not complete"
        expected = f"a 4xx to the PUT of an upload that is {state}"
        require(answer.rejected, expected=expected, actual=answer, requirement=requirement)
        if tracked.state == "open":
            tracked.touched_requirements.add("FIN-3")

    def _finalize_invalid(self, tracked: TrackedUpload, step: Step) -> None:
        others = [other.upload for other in self.uploads if other is not tracked]
        finalize_with_invalid_body(tracked, others, step.int_argument("field"), step.int_argument("corruption"))

    def _delete(self, tracked: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        answer = tracked.upload.delete()
        status = 404 if tracked.state == "deleted" else 200
        require(answer.status == status, expected=f"{status} to the DELETE", actual=answer, requirement="DEL-1")
        tracked.state = "deleted"

    def _attempt_as_other_user(self, tracked: TrackedUpload, step: Step) -> None:
        others = [account for account in self.accounts if account is not tracked.upload.account]
        if others:
            action = OTHER_USER_ACTIONS[step.int_argument("what") % len(OTHER_USER_ACTIONS)]
            if action == "attach":
                self._make_room()
            attempt_as_other_user(tracked, others[0], action)

    def _attach_after_end(self, tracked: TrackedUpload, step: Step) -> None:
        if tracked.state == "open":
            return
        roles = list(tracked.upload.files)
        self._make_room()
        attach_after_end(tracked, roles[step.int_argument("file") % len(roles)])

    def _complete(self, tracked: TrackedUpload) -> None:
        """Complete, finalize and read back an open upload: no acknowledged byte may be lost."""
        if tracked.state == "open":
            self._check_progress(tracked)
            for role, file in tracked.upload.files.items():
                if file.model.complete:
                    continue
                socket = self._attached_socket(tracked, role)
                for begin, end in missing_spans(file.model.received, SEGMENT):
                    self._send_chunks(socket, [(begin, end - begin, 0)])
            self._check_progress(tracked)
            for socket in [socket for socket in self.sockets if socket.upload is tracked]:
                self._close(socket)  # only a step finalizes while a socket is open
            self._finalize(tracked)
        if tracked.state == "finalized":
            self._finalize(tracked)
            with tracked.attribute_content():
                check_dataset(tracked.upload, tracked.model())
        else:
            expect_deleted(tracked.upload)

    # Action to its method, and to the requirement of a failure that names none.
    socket_actions: ClassVar[Mapping[str, tuple[Callable[[UploadExecutor, TrackedSocket, Step], None], str]]] = {
        "write": (_write, "DATA-1"),
        "fragments": (_send_fragments, "DATA-11"),
        "pipeline": (_pipeline, "DATA-10"),
        "fill": (_fill, "DATA-1"),
        "garbage": (_send_garbage, "DATA-6"),
        "close": (_close, "DATA-1"),
        "drop": (_drop, "DATA-7"),
    }
    upload_actions: ClassVar[Mapping[str, tuple[Callable[[UploadExecutor, TrackedUpload, Step], None], str]]] = {
        "progress": (_poll_progress, "PROG-1"),
        "finalize": (_finalize, "FIN-1"),
        "finalize_invalid": (_finalize_invalid, "FIN-4"),
        "delete": (_delete, "DEL-1"),
        "other_user": (_attempt_as_other_user, "GEN-3"),
        "attach_after_end": (_attach_after_end, "FIN-7"),
    }
    actions: ClassVar[Mapping[str, tuple[Callable[[UploadExecutor, Step], None], str]]] = {
        "begin": (_begin, "DATA-1"),
        "attach": (_attach, "ATT-2"),
        "interleave": (_interleave, "DATA-8"),
        "stalled_client": (_start_stalled_client, "GEN-4"),
    }
