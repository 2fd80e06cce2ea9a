"""Sequences of uploads: several at once, chunks in any order, lost sockets, early and late finalizes, intruders."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.clients.upload_socket import UploadSocket, describe
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.common.text import pluralise
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.readback import check_dataset
from hanami_conformance.stateful.access_checks import (
    OTHER_USER_ACTIONS,
    attach_after_end,
    attempt_as_other_user,
    expect_deleted,
    finalize_with_invalid_body,
)
from hanami_conformance.stateful.default_requirements import UPLOAD_ACTIONS
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

MOST_UPLOADS = 3
MOST_CHUNKS = 100  # that fill a file
ORDERS = ("ascending", "descending", "shuffled")
ON_A_SOCKET = ("write", "fragments", "pipeline", "fill", "garbage", "close", "drop")
ON_AN_UPLOAD = ("poll", "finalize", "misfinalize", "delete", "foreign", "haunt")
OTHER = ("begin", "attach", "interleave", "nuisance")
ACTIONS = frozenset((*ON_A_SOCKET, *ON_AN_UPLOAD, *OTHER))
BETWEEN = ("", "ping", "pong")  # what goes between fragments, by number
OVER = {"finalized": "FIN-7", "deleted": "DEL-1"}  # state of an upload to the requirement that it takes no chunk

Span = tuple[int, int, int]  # position, length, variant


@dataclass
class UploadExecutor:
    """Acts sequences of uploads out.

    Args:
        resources: makes the uploads, and deletes them.
        accounts: who may upload; a sequence names them by number.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    uploads: list[TrackedUpload] = field(default_factory=list)
    sockets: list[TrackedSocket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nuisance = StalledClient(self.resources.target)

    def tell(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; what is open at the end is completed and read back."""
        try:
            for step in steps:
                with self.nuisance.watched(), default_requirement(UPLOAD_ACTIONS.get(step.do, "DATA-1"), counts=False):
                    self._act(step)
            with self.nuisance.watched(), default_requirement("FIN-1", counts=False):
                for told in self.uploads:
                    self._end(told)
        finally:
            self.nuisance.end()

    def _act(self, step: Step) -> None:
        step.must_be_one_of(ACTIONS)
        act = getattr(self, f"_{step.do}")
        if step.do in OTHER:
            act(step)
            return
        of = self.sockets if step.do in ON_A_SOCKET else self.uploads
        number = step.number("socket" if step.do in ON_A_SOCKET else "upload")
        if of:
            act(of[number % len(of)], step)

    # Uploads and sockets

    def _begin(self, step: Step) -> None:
        if len(self.uploads) >= MOST_UPLOADS:
            return
        account = self.accounts[step.number("user") % len(self.accounts)]
        if step.text("kind") == "csv":
            right = table_file(step.number("size"), step.number("rows") if "rows" in step.with_ else 0)
            upload = self.resources.csv(len(right["input"]), account)
        else:
            right = mnist_files(step.number("size"), max(1, step.number("count")))
            upload = self.resources.mnist(len(right["input"]), len(right["label"]), account)
        self.uploads.append(TrackedUpload(upload, right))

    def _attach(self, step: Step) -> None:
        files = [(told, role) for told in self.uploads if told.state == "open" for role in told.upload.files]
        if files:
            self._socket_for(*files[step.number("file") % len(files)])

    def _socket_for(self, of: TrackedUpload, role: str) -> TrackedSocket:
        """Open a socket for a file; an earlier one of the same file goes first, since more are left open (ATT-8)."""
        for told in [told for told in self.sockets if told.of is of and told.role == role]:
            self._close(told)
        self._make_room()
        with attribute_to("DATA-7" if role in of.lost else "ATT-2"):
            made = TrackedSocket(of.upload.attach_again(role), of, role)
        self.sockets.append(made)
        return made

    def _make_room(self) -> None:
        """Close sockets for one more within the budget."""
        limit = self.resources.target.connection_limit.limit - self.nuisance.connections
        while len(self.sockets) >= max(1, limit):
            self._close(self.sockets[0])

    def _close(self, told: TrackedSocket, step: Step | None = None) -> None:  # noqa: ARG002 - a step as any other
        surplus = told.socket.close()
        self._forget(told)
        require(not surplus, expected="one answer to each message", actual=f"{len(surplus)} more", requirement="DATA-1")

    def _drop(self, told: TrackedSocket, step: Step) -> None:  # noqa: ARG002
        told.socket.websocket.reset()
        self._forget(told)
        told.of.happened.add("DATA-7")

    def _forget(self, told: TrackedSocket) -> None:
        told.of.lost.add(told.role)
        self.sockets = [other for other in self.sockets if other is not told]

    def _nuisance(self, step: Step) -> None:
        how = step.text("how")
        if how not in STALL_KINDS:
            raise SequenceError(f"step 'nuisance': how must be one of {', '.join(STALL_KINDS)}")
        if self.resources.target.connection_limit.limit < FEWEST_CONNECTIONS:
            return
        self.nuisance.end()
        self._make_room()
        self.nuisance.begin(how)
        for told in self.uploads:
            told.happened.add("GEN-4")

    # Chunks

    def _write(self, told: TrackedSocket, step: Step) -> None:
        self._chunks(told, [(step.number("position"), step.number("length"), step.number("variant"))])

    def _pipeline(self, told: TrackedSocket, step: Step) -> None:
        # None without data: where the server leaves those without an answer, the others would be out of step.
        chunks = [(first, second, third) for first, second, third in step.tuples("chunks", 3) if second]
        if len(chunks) > 1:
            told.of.happened.add("DATA-10")
        self._chunks(told, chunks, "DATA-10")

    def _fill(self, told: TrackedSocket, step: Step) -> None:
        for begin, end in self._gaps(told.socket, step):
            self._chunks(told, [(begin, end - begin, step.number("variant"))])

    def _gaps(self, socket: UploadSocket, step: Step) -> list[tuple[int, int]]:
        order = step.text("order")
        if order not in ORDERS:
            raise SequenceError(f"step {step.do!r}: order must be one of {', '.join(ORDERS)}")
        least = socket.model.size // MOST_CHUNKS + 1
        gaps = missing_spans(socket.model.known, max(step.number("chunk"), least))
        if order == "descending":
            gaps.reverse()
        elif order == "shuffled":
            gaps = [gaps[index] for index in np.random.default_rng(7).permutation(len(gaps))]
        return gaps

    def _interleave(self, step: Step) -> None:
        """Fill the files of all sockets by turns, a chunk on each before any answer is read."""
        gaps = [(told, self._gaps(told.socket, step)) for told in self.sockets if told.of.state == "open"]
        several = len({id(told.of) for told, _ in gaps}) > 1
        requirement = "DATA-9" if several else "DATA-8"
        if len(gaps) > 1:
            for told, _ in gaps:
                told.of.happened.add(requirement)
        for turn in range(max((len(spans) for _, spans in gaps), default=0)):
            sent = [(told, *spans[turn]) for told, spans in gaps if turn < len(spans)]
            for told, begin, end in sent:
                told.socket.send(begin, told.of.data(told.role, begin, end - begin, 0))
            for told, begin, end in sent:
                self._answer(told, begin, told.of.data(told.role, begin, end - begin, 0), requirement)

    def _fragments(self, told: TrackedSocket, step: Step) -> None:
        """Send a chunk in several frames, with control frames between them where the step says so."""
        if told.of.state != "open":
            return
        position, length = step.number("position"), step.number("length")
        data = told.of.data(told.role, position, length, step.number("variant"))
        size = len(self.resources.target.dialect.codec.encode_chunk(position, data))
        cuts = sorted(cut % (size + 1) for cut in step.numbers("cuts"))
        told.of.happened.add("DATA-11")
        with default_requirement("DATA-11"):
            told.socket.send_fragments(position, data, cuts, BETWEEN[step.number("ping") % len(BETWEEN)])
        self._answer(told, position, data, "DATA-11")

    def _chunks(self, told: TrackedSocket, chunks: Sequence[Span], requirement: str = "DATA-1") -> None:
        """Send chunks one behind the other, then read all answers, and compare each with the model."""
        sent = [(position, told.of.data(told.role, position, length, variant)) for position, length, variant in chunks]
        try:
            for position, data in sent:
                told.socket.send(position, data)
            for position, data in sent:
                self._answer(told, position, data, requirement)
        except ConnectionClosed:
            # The server may close the sockets of an upload that is over; it must not close others.
            if told.of.state == "open":
                raise
            self._forget(told)

    def _answer(self, told: TrackedSocket, position: int, data: bytes, requirement: str) -> None:
        """Read the answer to a chunk.

        Args:
            told: where it was sent.
            position: of the chunk.
            data: of the chunk.
            requirement: that a missing answer breaks.
        """
        if not data:
            self._whatever(told)
            return
        model, state = told.socket.model, told.of.state
        fits = model.fits(position, data)
        over = OVER.get(state)
        with attribute_to(over or (requirement if fits else "DATA-5")):
            acknowledgement = told.socket.receive_acknowledgement()
        where = f"{pluralise(len(data), 'byte')} at {position} of {model.size}"
        actual = describe(acknowledgement)
        if over is not None:
            wanted = f"success = false to {where}: the upload is {state}"
            require(not acknowledgement.success, expected=wanted, actual=actual, requirement=over)
            return
        wanted = f"success = true to {where}" if fits else f"success = false and a reason to {where}"
        right = acknowledgement.success if fits else not acknowledgement.success and acknowledgement.error
        symptom = "DATA-3" if fits else "DATA-5"
        with attribute_to(requirement if fits and requirement != "DATA-1" else symptom):
            require(right, expected=wanted, actual=actual, requirement=symptom)
        if fits:
            told.of.note_chunk(told.role, position, data)
            if any(other is not told.of and other.state == "open" for other in self.uploads):
                told.of.happened.add("DATA-9")
        else:
            told.of.happened.add("DATA-5")
        model.write(position, data)

    def _whatever(self, told: TrackedSocket) -> None:
        """Take what becomes of data that is empty: that is left open (DATA-12), so the next socket may be needed."""
        websocket = told.socket.websocket
        answer = None
        usual, websocket.awaiting = websocket.awaiting, "answer to empty data"
        with contextlib.suppress(ResponseTimeout, ConnectionClosed):
            answer = websocket.receive_or_close("an answer to empty data, or a close")
        websocket.awaiting = usual
        if isinstance(answer, Message):
            return
        websocket.close()
        if told.of.state != "open":
            self._forget(told)
            return
        told.of.lost.add(told.role)
        with attribute_to("DATA-7"):
            told.socket = told.of.upload.attach_again(told.role)

    def _garbage(self, told: TrackedSocket, step: Step) -> None:
        """Send bytes that are no FileUpload_Message, or that only some would take for one."""
        if told.of.state != "open":
            return
        payload, codec = step.data("bytes"), self.resources.target.dialect.codec
        try:
            chunk = codec.decode_chunk(payload)
        except SchemaError:
            chunk = None
        what = "bytes that are no FileUpload_Message"
        if chunk is not None:
            what = f"bytes that read as FileUpload position={chunk.position}, {pluralise(len(chunk.data), 'byte')}"
        with attribute_to("DATA-6"):
            told.socket.send_bytes(payload, what)
        if chunk is not None and not chunk.data:
            self._whatever(told)
            return
        with attribute_to("DATA-6"):
            acknowledgement = told.socket.receive_acknowledgement()
        if chunk is not None:
            if acknowledgement.success:
                self._taken_for_a_chunk(told, chunk)
            return
        told.of.happened.add("DATA-6")
        wanted = "success = false and a reason to bytes that are no FileUpload_Message"
        right = not acknowledgement.success and acknowledgement.error
        require(right, expected=wanted, actual=describe(acknowledgement), requirement="DATA-6")

    def _taken_for_a_chunk(self, told: TrackedSocket, chunk: Chunk) -> None:
        """Bytes that protobuf reads as a chunk were taken for one: then it must count, and the right bytes follow."""
        model = told.socket.model
        wanted = "success = false to a chunk that ends beyond the announced size"
        require(model.fits(chunk.position, chunk.data), expected=wanted, actual="success = true", requirement="DATA-5")
        told.of.note_chunk(told.role, chunk.position, chunk.data)
        model.write(chunk.position, chunk.data)
        self._chunks(told, [(chunk.position, len(chunk.data), 0)])

    # Progress, finalize, delete

    def _poll(self, told: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        if told.state == "open":
            self._check_progress(told)

    def _check_progress(self, told: TrackedUpload) -> None:
        actual = told.upload.progress()
        missing = sum(file.model.missing for file in told.upload.files.values())
        wanted = f"complete = {str(not missing).lower()}: {pluralise(missing, 'byte')} missing"
        requirement = "PROG-2" if missing else "PROG-3"
        require(
            actual == (not missing),
            expected=wanted,
            actual=f"complete = {str(actual).lower()}",
            requirement=requirement,
        )

    def _finalize(self, told: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        self._put(told)

    def _put(self, told: TrackedUpload) -> None:
        complete = told.upload.complete
        answer = told.upload.finalize()
        if told.state == "open" and complete:
            if any(socket.of is told for socket in self.sockets):
                told.happened.add("FIN-7")
            with told.suspected():
                wanted = "200 to the PUT of a complete upload"
                require(answer.status == 200, expected=wanted, actual=answer, requirement="FIN-1")
            told.state = "finalized"  # what it holds is read back at the end, once
            return
        requirement = {"open": "FIN-3", "finalized": "FIN-5"}.get(told.state, "DEL-1")
        state = told.state if told.state != "open" else "not complete"
        wanted = f"a 4xx to the PUT of an upload that is {state}"
        require(answer.rejected, expected=wanted, actual=answer, requirement=requirement)
        if told.state == "open":
            told.happened.add("FIN-3")

    def _misfinalize(self, told: TrackedUpload, step: Step) -> None:
        others = [other.upload for other in self.uploads if other is not told]
        finalize_with_invalid_body(told, others, step.number("field"), step.number("wrong"))

    def _delete(self, told: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        answer = told.upload.delete()
        wanted = 404 if told.state == "deleted" else 200
        require(answer.status == wanted, expected=f"{wanted} to the DELETE", actual=answer, requirement="DEL-1")
        told.state = "deleted"

    def _foreign(self, told: TrackedUpload, step: Step) -> None:
        others = [account for account in self.accounts if account is not told.upload.account]
        if others:
            what = OTHER_USER_ACTIONS[step.number("what") % len(OTHER_USER_ACTIONS)]
            if what == "attach":
                self._make_room()
            attempt_as_other_user(told, others[0], what)

    def _haunt(self, told: TrackedUpload, step: Step) -> None:
        if told.state == "open":
            return
        roles = list(told.upload.files)
        self._make_room()
        attach_after_end(told, roles[step.number("file") % len(roles)])

    def _end(self, told: TrackedUpload) -> None:
        """Complete what is open, then finalize it and read it back: nothing acknowledged may be lost."""
        if told.state == "open":
            self._check_progress(told)
            for role, file in told.upload.files.items():
                if file.model.complete:
                    continue
                socket = self._socket_for(told, role)
                for begin, end in missing_spans(file.model.known, SEGMENT):
                    self._chunks(socket, [(begin, end - begin, 0)])
            self._check_progress(told)
            for socket in [socket for socket in self.sockets if socket.of is told]:
                self._close(socket)  # to finalize with a socket open is for a sequence to say
            self._put(told)
        if told.state == "finalized":
            self._put(told)
            with told.suspected():
                check_dataset(told.upload, told.model())
        else:
            expect_deleted(told.upload)
