"""Workflow of rows of the input models of uploads: each row is a whole upload that must succeed as the plain one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.clients.protobuf_variants import CHUNK_FORMS
from hanami_conformance.clients.upload_socket import UploadSocket, chunk_summary
from hanami_conformance.clients.websocket_forms import MessageForm
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.models.special_tables import special_images, special_table
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload
from hanami_conformance.resources.listing import is_listed_as
from hanami_conformance.resources.retry import reattach
from hanami_conformance.resources.upload import INIT_REQUIREMENTS, Upload, init_fields
from hanami_conformance.stateful.access_checks import attempt_as_other_user
from hanami_conformance.stateful.executors.row import PAUSE, ChosenRow
from hanami_conformance.stateful.upload_state import TrackedUpload
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Account

IN_FLIGHT = {"one": 1, "two": 2, "all": 1 << 30}
ENCODINGS: Mapping[str, str] = {
    "reverse order": "its fields in the reverse order",
    "padded numbers": "padded numbers",
    "explicit zeros": "explicit zeros",
    "duplicate numbers": "duplicate numbers, the last one correct",
    "unknown fields": "fields of a newer schema",
    "duplicate data": "duplicate data, the last ones correct",
}
ATTEMPTS = {"progress": "progress", "PUT": "finalize", "DELETE": "delete"}
BEYOND = b"beyond"
HALF = 40  # bytes of an upload beside, of which every second one is sent

Action = Callable[[], None]


@dataclass
class Sending:
    """A message to one file.

    Attributes:
        role: Role of the file.
        position: Byte offset of the chunk.
        data: Bytes of the chunk.
        before: What happens before it, while no acknowledgement is outstanding.
    """

    role: str
    position: int
    data: bytes
    before: list[Action] = field(default_factory=list)


class UploadWorkflow:
    """One upload from POST to the dataset that is read back, with the values of a row.

    Args:
        kind: ``csv`` or ``mnist``.
        row: The row.
        resources: Factory of the uploads.
    """

    def __init__(self, kind: str, row: ChosenRow, resources: ResourceFactory) -> None:
        self._row = row
        self._kind = kind
        self._resources = resources
        self._account = row.formed_account()
        self._sockets: dict[str, UploadSocket] = {}
        self._outstanding: deque[Sending] = deque()
        self._was_attached: set[str] = set()

    def run(self) -> None:
        """Execute the workflow.

        Raises:
            Violation: If its outcome differs from that of the plain one.
        """
        contents, model = self._contents()
        name = self._row.name(self._resources, self._kind)
        beside = self._begin_beside(name)
        self._upload = self._begin(name, contents)
        with default_requirement("DATA-1", counts=False):
            self._send(self._sendings(contents))
            for role in list(self._sockets):
                self._close(role)
        finished = FinishedUpload(self._upload, model, "the upload")
        for aspect in finished.ASPECTS:
            with default_requirement("PROG-3" if aspect == "completion" else "FIN-1", counts=False):
                finished.aspect(aspect).judge()
        self._expect_listed(name)
        for upload in beside:
            _expect_incomplete_beside(upload, "DATA-9")
        self._account.close()

    def _contents(self) -> tuple[dict[str, bytes], DatasetModel]:
        row = self._row
        if self._kind == "csv":
            table, model = special_table(row.number("rows"), row.number("columns"), row["number"], row["place"])
            return {"input": table}, model
        count, height, width = row.number("images"), row.number("side"), row.number("side")
        if row["file size"] != "as it comes":  # one image with a single row of pixels gives any size
            count, height, width = 1, 1, row.number("file size") - 16
        return special_images(count, height, width, row.number("pixel"), row["place"], row["labels"])

    def _begin_beside(self, name: str) -> list[Upload]:
        """Begin the other uploads, and return those that stay incomplete."""
        match self._row["beside"]:
            case "an unfinished upload":
                return [self._half_an_upload(self._row.owner)]
            case "an upload of another user":
                return [self._half_an_upload(self._row.other_user)]
            case "a deleted upload of the same name":
                with default_requirement("DEL-1", counts=False):
                    answer = self._resources.csv(HALF, self._row.owner, name).delete()
                    require(answer.status == 200, expected="200 to the DELETE of an upload", actual=answer)
            case "many uploads":
                return [self._half_an_upload(self._row.owner) for _ in range(self._row.number("beside"))]
        return []

    def _half_an_upload(self, account: Account) -> Upload:
        upload = self._resources.csv(HALF, account)
        socket = upload.attach()
        with default_requirement("DATA-1", counts=False):
            socket.write(0, bytes(HALF // 2))
            socket.close()
        _expect_incomplete_beside(upload, "PROG-2")
        return upload

    def _begin(self, name: str, contents: Mapping[str, bytes]) -> Upload:
        sizes = {role: len(content) for role, content in contents.items()}
        fields = init_fields(name, sizes)
        with default_requirement(INIT_REQUIREMENTS[self._kind]):
            answer = self._account.call(f"{self._kind}.init", body=fields)
            upload = self._resources.from_init_response(answer, self._kind, name, sizes, self._account)
            actual = answer.object().get("name", name)
            require(actual == name, expected=f"the name {name!r} in the answer", actual=repr(actual))
        self._resources.register_for_deletion("dataset", upload.uuid, self._row.owner)  # in the plain form
        return upload

    def _sendings(self, contents: Mapping[str, bytes]) -> list[Sending]:
        """Return the messages of the upload in their order, each with what happens before it."""
        by_role = {role: self._in_order(self._chunks(role, content)) for role, content in contents.items()}
        sendings = FILES[self._row["files"] if self._kind == "mnist" else "one after the other"](by_role)
        middle, last = len(sendings) // 2, len(sendings) - 1
        row = self._row
        places = {
            "before the first chunk": 0,
            "between the chunks": middle,
            "before the last chunk": last,
            "first": 0,
            "before the last": last,
            "closed midway": middle,
            "reset midway": middle,
            "1 s": last,
        }
        actions: Sequence[tuple[str, Action]] = (
            ("progress", self._expect_incomplete),
            ("early PUT", self._finalize_too_early),
            ("rejected chunk", lambda: self._write_beyond(sendings[places[row["rejected chunk"]]].role)),
            ("sockets", lambda: self._replace_sockets(sendings[middle].role, lost=row["sockets"] == "reset midway")),
            ("pause", lambda: time.sleep(PAUSE)),
        )
        for dimension, action in actions:
            if row[dimension] in places:
                sendings[places[row[dimension]]].before.append(action)
        if row["other user"] in ATTEMPTS:
            sendings[last].before.append(self._let_other_user_try)
        return sendings

    def _chunks(self, role: str, content: bytes) -> list[Sending]:
        count = max(1, min(len(content), self._row.number("chunks")))
        edges = [index * len(content) // count for index in range(count + 1)]
        return [Sending(role, start, content[start:end]) for start, end in pairwise(edges) if start < end]

    def _in_order(self, chunks: list[Sending]) -> list[Sending]:
        row = self._row
        match row["order"]:
            case "descending":
                chunks.reverse()
            case "last one first":
                chunks = [chunks[-1], *chunks[:-1]]
            case "shuffled":
                chunks = [chunks[place] for place in np.random.default_rng(5).permutation(len(chunks))]
        match row["repetition"]:
            case "first one at the end":
                chunks = [*chunks, _again(chunks[0])]
            case "each twice":
                chunks = [one for chunk in chunks for one in (chunk, _again(chunk))]
            case "overlapping":
                whole = {chunk.position: chunk.data for chunk in chunks}
                chunks = [_extended(chunk, whole) for chunk in chunks]
        return chunks

    def _send(self, sendings: Sequence[Sending]) -> None:
        special = {0, len(sendings) // 2, len(sendings) - 1}
        most = IN_FLIGHT[self._row["in flight"]]
        for index, sending in enumerate(sendings):
            if sending.before:
                self._drain()
            for action in sending.before:
                action()
            self._socket(sending.role)
            self._send_one(sending, formed=index in special)
            self._outstanding.append(sending)
            if len(self._outstanding) >= most:
                self._drain()
        self._drain()

    def _send_one(self, sending: Sending, *, formed: bool) -> None:
        row, socket = self._row, self._sockets[sending.role]
        payload = self._resources.target.dialect.codec.encode_chunk(sending.position, sending.data)
        if row["encoding"] in ENCODINGS:
            payload = CHUNK_FORMS[ENCODINGS[row["encoding"]]](payload)
        form = MessageForm(row["frames"], row["message segments"]) if formed else MessageForm()
        socket.websocket.send_formed(payload, form, lambda: chunk_summary(sending.position, sending.data))

    def _drain(self) -> None:
        while self._outstanding:
            sending = self._outstanding.popleft()
            what = chunk_summary(sending.position, sending.data)
            self._sockets[sending.role].expect_accepted(sending.position, sending.data, what)

    def _socket(self, role: str) -> None:
        """Attach to a file, where no socket is."""
        if role in self._sockets:
            return
        one_by_one = self._row["files"] == "one after the other" if self._kind == "mnist" else True
        for other in list(self._sockets) if one_by_one else ():
            self._drain()
            self._close(other)
        file, account = self._upload.files[role], self._account
        with default_requirement("ATT-1", counts=False):
            if role in self._was_attached:
                websocket = reattach(account, file.uuid, FILE_UPLOAD, "DATA-7")
            else:
                websocket = attach(account, file.uuid, FILE_UPLOAD, form=self._row.attach_form())
        self._was_attached.add(role)
        self._sockets[role] = UploadSocket(websocket, account.target.dialect.codec, file.model)

    def _close(self, role: str) -> None:
        self._sockets.pop(role).close()

    def _replace_sockets(self, role: str, *, lost: bool) -> None:
        self._socket(role)
        for name in list(self._sockets):
            socket = self._sockets.pop(name)
            if lost:
                socket.websocket.reset()
            else:
                socket.close()

    def _expect_incomplete(self) -> None:
        complete = self._upload.progress()
        require(
            not complete or self._upload.complete,
            expected="complete = false while bytes are missing",
            actual="complete = true",
            requirement="PROG-2",
        )

    def _finalize_too_early(self) -> None:
        if self._upload.complete:  # the message that follows is a repetition
            return
        with default_requirement("FIN-3", counts=False):
            answer = self._upload.finalize()
        require(answer.rejected, expected="a 4xx to a PUT before complete", actual=answer, requirement="FIN-3")

    def _write_beyond(self, role: str) -> None:
        self._socket(role)
        with default_requirement("DATA-5", counts=False):
            self._sockets[role].write_rejected(self._upload.files[role].model.size, BEYOND, "beyond the end")

    def _let_other_user_try(self) -> None:
        action = ATTEMPTS[self._row["other user"]]
        with default_requirement("GEN-3", counts=False):
            attempt_as_other_user(TrackedUpload(self._upload, {}), self._row.other_user, action)

    def _expect_listed(self, name: str) -> None:
        with default_requirement("FIN-1", counts=False):
            answer = self._account.call("dataset.list")
            listed = is_listed_as(answer, self._upload.uuid, name)
            require(listed, expected="a list with uuid and name of the dataset", actual=answer, requirement="FIN-1")


def _again(sending: Sending) -> Sending:
    return Sending(sending.role, sending.position, sending.data)


def _extended(sending: Sending, whole: Mapping[int, bytes]) -> Sending:
    """Return a chunk that begins in the second half of the chunk before it."""
    for position, data in whole.items():
        if position + len(data) == sending.position:
            half = len(data) // 2
            return Sending(sending.role, position + half, data[half:] + sending.data)
    return sending


def _in_turn(by_role: Mapping[str, list[Sending]]) -> list[Sending]:
    longest = max(map(len, by_role.values()))
    return [chunks[index] for index in range(longest) for chunks in by_role.values() if index < len(chunks)]


FILES: Mapping[str, Callable[[Mapping[str, list[Sending]]], list[Sending]]] = {
    "one after the other": lambda by_role: [one for chunks in by_role.values() for one in chunks],
    "in turn": _in_turn,
    "labels first, both open": lambda by_role: [one for chunks in reversed(list(by_role.values())) for one in chunks],
}


def _expect_incomplete_beside(upload: Upload, requirement: str) -> None:
    expected = "complete = false of an upload beside, of which bytes are missing"
    require(not upload.progress(), expected=expected, actual="complete = true", requirement=requirement)
