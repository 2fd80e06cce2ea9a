"""What a check looks at: the record of a scenario, beside what the client was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from hanami_conformance.cases.failures import Violation
from hanami_conformance.client_mode.materials import Materials
from hanami_conformance.client_mode.record import FILE, LOGIN, NEVER, Message, Record, Request, Socket
from hanami_conformance.client_mode.scenario import Scenario
from hanami_proto.codec import SchemaError

# Fields of the uuid of a file in the answer that begins an upload, and in the PUT; the file that each is for.
FILE_FIELDS: Mapping[str, Mapping[str, str]] = {
    "mnist": {"uuid_input_file": "input", "uuid_label_file": "labels"},
    "csv": {"uuid_input_file": "csv"},
}
SIZE_FIELDS: Mapping[str, Mapping[str, str]] = {
    "mnist": {"input_data_size": "input", "label_data_size": "labels"},
    "csv": {"input_data_size": "csv"},
}


def violation(expected: str, actual: object, event: int) -> Violation:
    """Return a violation that a record shows.

    Args:
        expected: What the requirement asks for.
        actual: What the client did instead.
        event: Index of the event that shows it.
    """
    found = Violation(expected, str(actual))
    found.event = event
    return found


@dataclass(frozen=True)
class Upload:
    """An upload that the client began.

    Attributes:
        kind: ``mnist`` or ``csv``.
        request: The POST.
        uuid: Uuid of the dataset.
        files: Name of each file by its uuid.
    """

    kind: str
    request: Request
    uuid: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class SentChunk:
    """A chunk on an accepted websocket, with its answer.

    Attributes:
        message: The message.
        file: Name of the file that the websocket is for.
        position: Offset of the data.
        data: The data.
        stored: Whether it reached the server, which accepted it.
        acknowledged: Time at which the client received the acknowledgement of success, or the scenario lost it,
            because the progress confirms the chunk as well.
        rejected: Time at which the client received the acknowledgement without success.
    """

    message: Message
    file: str
    position: int
    data: bytes
    stored: bool
    acknowledged: float
    rejected: float


@dataclass(frozen=True)
class Situation:
    """One scenario after the client has ended.

    Attributes:
        scenario: The scenario.
        record: What the client did.
        materials: What the client was given.
        contents: Content of each file by its name.
        hands_over: Whether the command names the file for results, so that the client must write it.
        takes_workflow: Whether the command names the workflow, so that the client should do each.
    """

    scenario: Scenario
    record: Record
    materials: Materials
    contents: Mapping[str, bytes]
    hands_over: bool = False
    takes_workflow: bool = False

    @cached_property
    def tokens(self) -> frozenset[str]:
        """Tokens that the server gave out."""
        answers = (request.answer_fields.get("token") for request in self.record.of(LOGIN))
        return frozenset({self.materials.token, *(token for token in answers if isinstance(token, str))})

    @property
    def last_event(self) -> int:
        """Index of the last event; -1 for none."""
        return len(self.record.recording.events) - 1

    @property
    def is_upload(self) -> bool:
        """Whether the workflow is an upload."""
        return self.scenario.workflow in FILE_FIELDS

    @cached_property
    def uploads(self) -> list[Upload]:
        """Uploads that the client began, and whose uuids it received."""
        found = []
        for kind, fields in FILE_FIELDS.items():
            for request in self.record.of(f"{kind}.init"):
                answer = request.answer_fields
                if request.succeeded and isinstance(answer.get("uuid"), str):
                    files = {str(answer[field]): file for field, file in fields.items() if field in answer}
                    found.append(Upload(kind, request, answer["uuid"], files))
        return found

    @property
    def puts(self) -> list[Request]:
        """Requests that finalize an upload."""
        return self.record.of(f"{self.scenario.workflow}.finalize")

    @property
    def accepted(self) -> list[Socket]:
        """Websockets that were accepted."""
        return [socket for socket in self.record.sockets if socket.accepted != NEVER]

    @property
    def clusters(self) -> frozenset[str]:
        """Uuids of the clusters that the client was given, or created."""
        created = (request.answer_fields.get("uuid") for request in self.record.of("cluster.create"))
        return frozenset({self.materials.cluster, *(uuid for uuid in created if isinstance(uuid, str))})

    @property
    def file_sockets(self) -> list[Socket]:
        """Websockets for files that were accepted."""
        return [socket for socket in self.record.sockets_of(FILE) if socket.accepted != NEVER]

    def upload_of(self, put: Request) -> Upload | None:
        """Return the upload that a PUT names, or else the last one that was begun before it."""
        before = [one for one in self.uploads if one.request.at < put.at and f"{one.kind}.finalize" == put.operation]
        named = [upload for upload in before if upload.uuid == put.fields.get("uuid")]
        return (named or before)[-1] if before else None

    def file_of(self, uuid: str) -> str | None:
        """Return the name of the file of a uuid, None for an unknown one."""
        return next((upload.files[uuid] for upload in self.uploads if uuid in upload.files), None)

    def chunks(self, socket: Socket) -> Iterator[SentChunk]:
        """Yield the chunks on a websocket; what is no chunk is left out."""
        file = self.file_of(socket.uuid)
        answers = iter(socket.answers)  # one for each message that reached the server, in their order
        for message in socket.data:
            answer = next(answers, None) if message.delivered else None
            try:
                chunk = self.materials.dialect.codec.decode_chunk(message.payload)
                success = answer is not None and self._is_success(answer)
            except SchemaError:
                continue
            if file is not None and not message.is_text:
                received = answer is not None and (answer.delivered or answer.is_disturbed)
                acknowledged = answer.at if answer is not None and success and received else NEVER
                rejected = answer.at if answer is not None and not success and answer.delivered else NEVER
                yield SentChunk(message, file, chunk.position, chunk.data, success, acknowledged, rejected)

    def _is_success(self, answer: Message) -> bool:
        return self.materials.dialect.codec.decode_acknowledgement(answer.payload).success
