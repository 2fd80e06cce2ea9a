"""An upload that several clients share: one sends its chunks, others poll, list, finalize, read and delete it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack

from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.stateful.overlap.history import (
    ABSENT,
    ACCEPTED,
    LISTED,
    REJECTED,
    History,
    Operation,
)
from hanami_conformance.stateful.overlap.judgement import may_be_missing
from hanami_conformance.stateful.overlap.linearizability import Unexplained, find_unexplained
from hanami_conformance.stateful.overlap.operations import progress_verdict, verdict
from hanami_conformance.stateful.overlap.upload_model import ReadDataset, UploadModel
from hanami_conformance.target.attach import FILE_UPLOAD
from hanami_loadtests.engine.connection import Connection
from hanami_loadtests.engine.failures import ConnectionLost, IncorrectAnswer, LoadFailure, NoAnswer
from hanami_loadtests.engine.frames import binary_frame
from hanami_loadtests.engine.recorder import Stopwatch
from hanami_loadtests.engine.rest import LoadResponse
from hanami_loadtests.engine.upload_messages import CHUNK
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.scenarios.shared_object import SharedClient, SharedObject
from hanami_loadtests.scenarios.upload import ATTACH, read_cells
from hanami_proto.codec import Acknowledgement, Codec, SchemaError

ROLE = "input"
ROWS = 40  # of the table, about a kilobyte
VARIANTS = 3  # of its blocks: any of them together are a table
OPERATIONS = 7  # of each client
REPEATED_BLOCKS = 4  # that the writer sends once more, with other bytes: the later ones win (DATA-4)
# Weights of the choice of a client, before every block is acknowledged and after it.
BEFORE = {"progress": 6, "list": 2, "finalize": 1}
AFTER = {"progress": 4, "list": 2, "finalize": 6, "rows": 2, "content": 3, "delete": 1}


class SharedUpload(SharedObject):
    """A CSV upload that clients share (DATA-4, PROG-2, PROG-3, FIN-1 to FIN-3, FIN-5, FIN-7, DEL-1).

    Its file has one socket, that of the writer: several sockets on one file are left open (ATT-8).
    """

    kind = "dataset"

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        files = [table(scenario.session.number()) for _ in range(VARIANTS)]
        self._size = len(files[0])
        self._model = UploadModel({ROLE: self._size}, lambda _role, at, size, variant: files[variant][at : at + size])
        self._column = next(iter(self._model.any_dataset().columns))
        self._file_uuid = ""
        self._sockets = ExitStack()
        self._writer: Connection | None = None
        self._is_sent = False  # whether every block is acknowledged
        self._is_finalized = False  # whether a PUT was sent after that
        self._lost: list[tuple[Operation, Stopwatch, ConnectionLost]] = []

    def create(self) -> None:
        """Begin the upload, and attach the socket of the writer."""
        scenario = self.scenario
        begun = scenario.call("csv.init", body={"name": self.name, "input_data_size": self._size})
        self.uuid = scenario.text(begun, "uuid", "INIT-2")
        self._file_uuid = scenario.text(begun, "uuid_input_file", "INIT-2")
        self._writer = self._sockets.enter_context(scenario.attached(self._file_uuid, FILE_UPLOAD, ATTACH))

    def share(self, client: SharedClient) -> None:
        """Write as the first client; as another one ask, list, finalize, read and, rarely, delete."""
        if client.number == 1:
            self._write(client)
            return
        for _ in range(OPERATIONS):
            if self.scenario.over():
                return
            weights = AFTER if self._is_sent else BEFORE
            self._act(client, *client.random.choices(list(weights), list(weights.values())))

    def look(self, client: SharedClient) -> None:
        """Ask for the progress, the list, the rows and the content, delete the dataset, and list again."""
        for action in ("progress", "list", "rows", "content", "delete", "list"):
            self._act(client, action)

    def search(self, operations: Sequence[Operation], most_places: float) -> Unexplained | None:
        """See :meth:`SharedObject.search`."""
        self._model.note_history(operations)
        return find_unexplained(operations, self._model, most_places)

    def close(self, history: History) -> None:
        """Close the socket of the writer; chunks that it lost are failures unless the end of the upload explains it."""
        self._sockets.close()
        for operation, watch, error in self._lost:
            if may_be_missing(operation, history, closed=True):
                self.scenario.recorder.cancelled(CHUNK, watch)
            else:
                self.scenario.recorder.failed(CHUNK, watch, error)
        self._lost.clear()

    def _write(self, client: SharedClient) -> None:
        """Send every block, and some of them again with other bytes, until one is not accepted."""
        blocks = list(range(len(self._model.blocks)))
        client.random.shuffle(blocks)
        repeated = client.random.choices(blocks, k=REPEATED_BLOCKS)
        sent = [
            *((block, 0) for block in blocks),
            *((block, 1 + n % (VARIANTS - 1)) for n, block in enumerate(repeated)),
        ]
        for place, (block, variant) in enumerate(sent):
            if self.scenario.over() or not self._send_block(client, block, variant):
                return
            self._is_sent = self._is_sent or place == len(blocks) - 1

    def _send_block(self, client: SharedClient, block: int, variant: int) -> bool:
        """Send a variant of a block and return whether it is accepted."""
        assert self._writer is not None
        connection, recorder, codec = self._writer, self.scenario.recorder, self.dialect.codec
        position, data = self._model.data(block, variant)
        what = f"block {block}, variant {variant}"
        arguments = {"file": ROLE, "block": block, "variant": variant}
        deadline = self.scenario.session.settings.target.deadline
        watch = self.scenario.stopwatch()
        recorder.sent(CHUNK, watch)
        try:
            connection.send(binary_frame(codec.encode_chunk(position, data)))
            acknowledgement = _acknowledgement(codec, connection.receive(deadline), deadline)
        except ConnectionLost as error:
            operation = client.note("chunk", what, None, watch.sent, f"no answer: {error}", arguments)
            self._lost.append((operation, watch, error))
            return False
        except LoadFailure as error:
            client.note("chunk", what, None, watch.sent, f"no answer: {error}", arguments)
            recorder.failed(CHUNK, watch, error)
            raise
        except BaseException:  # Locust kills the user
            recorder.cancelled(CHUNK, watch)
            raise
        answer = ACCEPTED if acknowledgement.success else REJECTED
        client.note("chunk", what, answer, watch.sent, describe(acknowledgement), arguments)
        recorder.succeeded(CHUNK, watch, up=len(data), answered=connection.arrived)
        return acknowledgement.success

    def _act(self, client: SharedClient, action: str) -> None:
        uuid = {"uuid": self.uuid}
        match action:
            case "progress":
                client.call("dataset.progress", action, "the progress", uuid, read=progress_verdict)
            case "list":
                client.call("dataset.list", action, "the list", read=self._listed)
            case "finalize":
                self._is_finalized = self._is_finalized or self._is_sent
                body = {**uuid, "uuid_input_file": self._file_uuid}
                client.call("csv.finalize", action, "the PUT", body=body)
            case "rows" if self._is_finalized:
                client.call("dataset.get", "content", "the rows", uuid, read=self._rows)
            case "content" if self.dialect.has_content and self._is_finalized:
                params = {"column_name": self._column, "row_offset": "0", "number_of_rows": str(ROWS)}
                client.call("dataset.content", action, "the content", {**uuid, **params}, read=self._content)
            case "delete":
                answer = client.call("dataset.delete", action, "the DELETE", uuid)
                self.is_deleted = self.is_deleted or answer == ACCEPTED

    def _listed(self, response: LoadResponse) -> object:
        value = verdict(response)
        if value != ACCEPTED:
            return value
        # The whole name: it may be the beginning of another one.
        return LISTED if self.uuid in response.text or f'"{self.name}"' in response.text else ABSENT

    def _rows(self, response: LoadResponse) -> object:
        value = verdict(response)
        if value != ACCEPTED:
            return value
        described = json_object(response.body) or {}
        return ReadDataset(tuple(described[key] for key in self.dialect.rows_keys if key in described), {})

    def _content(self, response: LoadResponse) -> object:
        value = verdict(response)
        if value != ACCEPTED:
            return value
        try:
            return ReadDataset((), {self._column: read_cells(json_object(response.body) or {}, self._column)})
        except IncorrectAnswer as error:
            return error.actual


def table(seed: int) -> bytes:
    """Return a CSV file of two columns; each has its commas and ends of lines in the same places."""
    values = random.Random(seed)  # noqa: S311 - no secret
    rows = (f"0.{values.randrange(10**6):06},0.{values.randrange(10**6):06}\n" for _ in range(ROWS))
    return ("first,second\n" + "".join(rows)).encode()


def _acknowledgement(codec: Codec, payload: bytes | None, deadline: float) -> Acknowledgement:
    if payload is None:
        raise NoAnswer(f"no acknowledgement within {deadline:g} s")
    try:
        return codec.decode_acknowledgement(payload)
    except SchemaError as error:
        raise IncorrectAnswer("DATA-1", "a FileUploadResponse to each chunk", str(error)) from error
