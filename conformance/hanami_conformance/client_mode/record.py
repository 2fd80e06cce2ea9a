"""What a client did in one scenario: its requests and websockets, and the answers that reached it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.clients.rest import TOKEN_HEADER

NEVER = math.inf  # time of something that has not happened
OK = 200
LOGIN = "token.create"  # operation
FILE, CLUSTER = "file_upload", "cluster"  # targets of a first message


@dataclass
class Request:
    """One REST request, and its answer.

    Attributes:
        at: Monotonic time in seconds at which it was complete.
        channel: Name of its connection.
        method: HTTP method.
        target: Path and query, as they were sent.
        headers: Names in lower case, and values.
        body: Bytes of the body.
        operation: Name of the operation in the dialect, empty if it has no such route.
        event: Index of its event in the recording.
        status: Status of the answer that was delivered, 0 for none.
        answer: Body of that answer.
        answered: Time at which the answer was delivered.
        server_status: Status of the answer of the server, also where it was not delivered; 0 if it was not asked.
        server_answer: Body of that answer.
        is_disturbed: Whether the scenario answered in place of the server, or lost the request or its answer.
    """

    at: float
    channel: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    operation: str
    event: int
    status: int = 0
    answer: bytes = b""
    answered: float = NEVER
    server_status: int = 0
    server_answer: bytes = b""
    is_disturbed: bool = False

    @property
    def line(self) -> str:
        """Method and path without the query, which may hold anything."""
        return f"{self.method} {urlsplit(self.target).path}"

    @property
    def token(self) -> str | None:
        """Value of the header of the token, None without one."""
        return next((value for name, value in self.headers if name == TOKEN_HEADER.lower()), None)

    @property
    def fields(self) -> dict[str, Any]:
        """Fields of the body, or of the query of a request without a body; empty if it is no JSON object."""
        if not self.body:
            return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}
        return json_object(self.body)

    @property
    def answer_fields(self) -> dict[str, Any]:
        """Fields of the delivered answer."""
        return json_object(self.answer)

    @property
    def succeeded(self) -> bool:
        """Whether the client received a 200."""
        return self.status == OK


@dataclass
class Message:
    """One websocket message.

    Attributes:
        at: Monotonic time in seconds at which it arrived, or was delivered to the client.
        from_client: Whether the client sent it.
        is_text: Whether it is a text message.
        payload: Its bytes; a text in UTF-8.
        event: Index of its event in the recording.
        delivered: Whether it reached its receiver; a scenario may lose it, and a client may have closed before.
        is_disturbed: Whether the scenario answered it in place of the server, or lost it.
    """

    at: float
    from_client: bool
    is_text: bool
    payload: bytes
    event: int
    delivered: bool = True
    is_disturbed: bool = False


@dataclass
class Socket:
    """One websocket.

    Attributes:
        channel: Name of the connection.
        opened: Monotonic time of the handshake in seconds.
        path: Path and query of the handshake.
        event: Index of the event of the handshake.
        messages: Messages of both directions, in the order in which they passed.
        target: ``file_upload``, ``cluster``, or what else the first message names.
        uuid: Uuid that the first message names.
        accepted: Time at which an acceptance was delivered.
        rejected: Time at which a rejection was delivered.
        ended: Time of the end.
        ended_by: ``client``, ``server`` or ``scenario``; empty while it is open.
        has_close_frame: Whether the client sent a close frame.
        close_code: Code of that close frame, None for none.
    """

    channel: str
    opened: float
    path: str
    event: int
    messages: list[Message] = field(default_factory=list)
    target: str = ""
    uuid: str = ""
    accepted: float = NEVER
    rejected: float = NEVER
    ended: float = NEVER
    ended_by: str = ""
    has_close_frame: bool = False
    close_code: int | None = None

    @property
    def sent(self) -> list[Message]:
        """Messages of the client."""
        return [message for message in self.messages if message.from_client]

    @property
    def received(self) -> list[Message]:
        """Messages of the server, delivered or not."""
        return [message for message in self.messages if not message.from_client]

    @property
    def data(self) -> list[Message]:
        """Messages of the client after its first message, the last of them if it repeated a rejected one."""
        return self.sent[self._attempts :]

    @property
    def answers(self) -> list[Message]:
        """Messages of the server after the acceptance, delivered or not."""
        return self.received[self._attempts :]

    @property
    def _attempts(self) -> int:
        """Number of first messages."""
        return 1 + sum(message.at < self.accepted for message in self.received if self.accepted != NEVER)


@dataclass
class Record:
    """Everything that a client did in one scenario.

    Attributes:
        recording: Events for reports.
        requests: REST requests, in the order in which they were complete.
        sockets: Websockets, in the order in which they were opened.
        malformed: Bytes that are no HTTP request and no websocket frame, one line each.
        most_open: Largest number of connections that were open at the same time.
        open_connections: Number of connections that are open now.
        disturbed: Time at which the scenario first did something else than the server.
        by_hand: Whether the user runs the client, so that there is no exit status, no deadline, and no output.
        exit_status: Exit status of the command, None if it was ended at the deadline.
        seconds: Time that the command took.
        output: End of what the command printed.
        outputs: Values that the client handed over by output name, None if it handed over none.
    """

    recording: CaseRecording
    requests: list[Request] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    most_open: int = 0
    open_connections: int = 0
    disturbed: float = NEVER
    by_hand: bool = False
    exit_status: int | None = None
    seconds: float = 0.0
    output: str = ""
    outputs: Any = None

    @property
    def was_killed(self) -> bool:
        """Whether the command was ended at the deadline, so that it could not end anything itself."""
        return self.exit_status is None and not self.by_hand

    @property
    def sent_anything(self) -> bool:
        """Whether the client sent anything, also what is no request."""
        return bool(self.requests or self.sockets or self.malformed)

    def of(self, operation: str) -> list[Request]:
        """Return the requests of an operation, such as ``mnist.init``."""
        return [request for request in self.requests if request.operation == operation]

    def sockets_of(self, target: str) -> list[Socket]:
        """Return the websockets whose first message names a target."""
        return [socket for socket in self.sockets if socket.target == target]

    def urls(self) -> Iterator[tuple[str, int]]:
        """Yield path and query of every request and handshake, and the index of its event."""
        yield from ((request.target, request.event) for request in self.requests)
        yield from ((socket.path, socket.event) for socket in self.sockets)


def json_object(data: bytes) -> dict[str, Any]:
    """Return a JSON object, empty for anything else."""
    try:
        parsed = json.loads(data)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
