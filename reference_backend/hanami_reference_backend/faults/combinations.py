"""Faults that a value or a combination of values shows which few clients ever have: sizes, forms, kept connections."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from starlette.requests import Request
from websockets.frames import Frame

from hanami_proto.codec import Codec, SchemaError
from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, bad_request
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage import csv_parser, datasets
from hanami_reference_backend.storage.uploads import TempFile

MOST_ROWS = 1 << 16
MOST_OUTPUTS = 8
LONGEST_CELL = 24  # characters
LONGEST_LISTED = 63  # characters of a name
ODD_SIZE = (1 << 16) + 1  # bytes
SHORT_SILENCE = 0.8  # seconds
FLOAT = 4  # bytes


def _check_request(check: Callable[[Request], str]) -> None:
    """Reject requests with a body for which the check returns a reason."""

    @replace_method(operation, "read_body")
    async def read_body(original: Any, request: Request, *more: Any) -> Any:
        if reason := check(request):
            raise bad_request(reason)
        return await original(request, *more)


@fault("INIT-2", "INIT-1", "INIT-6", "FIN-1", "MODE-1")
def kept_connections_lose_the_first_byte_of_chunked_bodies() -> None:
    """On a connection that was used before, the first byte of a body in the chunked coding is lost."""
    requests: WeakKeyDictionary[RestProtocol, int] = WeakKeyDictionary()
    losing: set[RestProtocol] = set()

    @replace_method(RestProtocol, "on_headers_complete")
    def on_headers_complete(original: Any, protocol: RestProtocol) -> None:
        requests[protocol] = requests.get(protocol, 0) + 1
        if requests[protocol] > 1 and (b"transfer-encoding", b"chunked") in protocol.headers:
            losing.add(protocol)
        original(protocol)

    @replace_method(RestProtocol, "on_body")
    def on_body(original: Any, protocol: RestProtocol, body: bytes) -> None:
        original(protocol, body[1:] if protocol in losing else body)
        losing.discard(protocol)


@fault("GEN-3", "ATT-2", "INIT-2")
def kept_connections_keep_their_user() -> None:
    """All requests on a connection are those of the user of the first one."""
    users: dict[Any, User] = {}

    @replace_method(RestProtocol, "connection_made")
    def connection_made(original: Any, protocol: RestProtocol, transport: Any) -> None:
        original(protocol, transport)
        users.pop(protocol.client, None)

    @replace_method(operation, "caller")
    def caller(original: Any, request: Request, *more: Any) -> User:
        user: User = original(request, *more)
        return users.setdefault(request.scope["client"], user)


@fault("INIT-2", "INIT-1", "INIT-6", "FIN-1", "MODE-1", hook=replace_method(RestProtocol, "data_received"))
def escapes_behind_headers_in_lower_case_rejected(original: Any, protocol: RestProtocol, data: bytes) -> None:
    """A body with an escape in its JSON is rejected if the names of the headers are in lower case."""
    if b"\nx-auth-token" in data:
        data = data.replace(b"\\u00", b"\\x00")
    original(protocol, data)


@fault("INIT-2", "INIT-1", "INIT-6", "FIN-1", "MODE-1")
def quoted_charsets_rejected() -> None:
    """A Content-Type with a quoted parameter is rejected."""
    _check_request(lambda request: "the charset is unknown" if '"' in request.headers.get("content-type", "") else "")


@fault("INIT-2", "INIT-1", "INIT-6", "FIN-1", "MODE-1", hook=replace_method(RestProtocol, "on_body"))
def small_http_chunks_dropped(original: Any, protocol: RestProtocol, body: bytes) -> None:
    """Of a body in the chunked coding, chunks of fewer than four bytes are dropped."""
    if (b"transfer-encoding", b"chunked") not in protocol.headers or len(body) >= FLOAT:
        original(protocol, body)


@fault("FIN-1", "FIN-2")
def tables_end_at_row_65536() -> None:
    """The rows of a table behind the first 65,536 are dropped."""

    @replace_method(datasets, "parse_csv")
    def parse_csv(original: Any, file: Any) -> Any:
        lines = file.tobytes().split(b"\n")
        if len(lines) <= MOST_ROWS + 1:
            return original(file)
        return original(np.frombuffer(bytearray(b"\n".join([*lines[: MOST_ROWS + 1], b""])), dtype=np.uint8))


@fault("FIN-2", hook=replace_method(csv_parser, "parse_cell"))
def long_cells_cut(original: Any, cell: str) -> Any:
    """A number with more than 24 characters is cut."""
    return original(cell.strip()[:LONGEST_CELL])


@fault("FIN-1", "INIT-2", "INIT-1", hook=replace_method(DatasetOperations, "row"))
def long_names_cut_in_lists(original: Any, operations: DatasetOperations, dataset: Any) -> list[object]:
    """A list has the first 63 characters of a name."""
    return [value[:LONGEST_LISTED] if value == dataset.name else value for value in original(operations, dataset)]


@fault("FIN-2", "DATA-2", hook=replace_method(TempFile, "content"))
def files_of_65537_bytes_lose_the_last_one(original: Any, file: TempFile) -> Any:
    """The last byte of a file of 2^16 + 1 bytes becomes zero."""
    content = original(file)
    if file.size == ODD_SIZE:
        content = content.copy()
        content[-1] = 0
    return content


@fault("DATA-1", "DATA-7")
def padded_numbers_rejected_on_later_sockets() -> None:
    """On a later socket of a file, a message in another encoding than that of most clients is rejected."""
    sockets: WeakKeyDictionary[TempFile, int] = WeakKeyDictionary()
    later: WeakKeyDictionary[UploadSession, bool] = WeakKeyDictionary()

    @replace_method(UploadSession, "__init__")
    def init(original: Any, session: UploadSession, channel: Channel, file: TempFile, codec: Codec) -> None:
        original(session, channel, file, codec)
        later[session] = file in sockets
        sockets[file] = sockets.get(file, 0) + 1

    @replace_method(UploadSession, "write_chunk")
    def write_chunk(original: Any, session: UploadSession, message: bytes | str) -> str | None:
        if later[session] and isinstance(message, bytes):
            chunk = internals.CODEC.decode_chunk(message)
            if internals.CODEC.encode_chunk(chunk.position, chunk.data) != message:
                return "not a FileUpload_Message"
        reason: str | None = original(session, message)
        return reason


@fault("ATT-2")
def pings_within_a_first_message_end_it() -> None:
    """A first message whose fragments have a ping between them is rejected."""

    @replace_method(SocketProtocol, "handle_ping")
    def handle_ping(original: Any, protocol: SocketProtocol) -> None:
        if protocol.frames and protocol.conn.max_message_size != protocol._max_message:  # nobody has authorised it
            protocol.frames = [b"?"]
        original(protocol)


@fault("DIO-4", "DIO-1")
def fragments_of_later_bricks_lose_their_last_value() -> None:
    """A message in fragments that is not the first of its cycle loses its last value."""
    within: WeakKeyDictionary[SocketProtocol, bool] = WeakKeyDictionary()

    def note(protocol: SocketProtocol, payload: bytes) -> None:
        try:
            message = internals.CODEC.decode_io(payload)
            within[protocol] = bool(message.name) and not message.is_last  # a chunk has no name of a brick
        except SchemaError:
            within[protocol] = False

    @replace_method(SocketProtocol, "handle_bytes")
    def handle_bytes(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        original(protocol, event)
        if event.fin:
            note(protocol, bytes(event.data))

    @replace_method(SocketProtocol, "handle_cont")
    def handle_cont(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        if event.fin:
            whole = b"".join([*map(bytes, protocol.frames), bytes(event.data)])
            if within.get(protocol) and len(whole) > FLOAT:
                protocol.frames, event = [whole[:-FLOAT]], replace(event, data=bytes(FLOAT))
            note(protocol, whole)
        original(protocol, event)


@fault("DIO-3")
def outputs_behind_the_eighth_lack_their_count() -> None:
    """From the ninth output of a cycle on, numberOfValues is missing."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> list[bytes]:
        answers = await original(session)
        decoded = [session._codec.decode_io(answer) for answer in answers[MOST_OUTPUTS:]]
        return [
            *answers[:MOST_OUTPUTS],
            *(internals.encode(session._codec, replace(message, number_of_values=0)) for message in decoded),
        ]


@fault("DIO-2", "DIO-4")
def short_silences_empty_the_bricks() -> None:
    """Values that were sent before a silence of 0.8 seconds take no part in the cycle."""
    stored: WeakKeyDictionary[ClusterSession, float] = WeakKeyDictionary()

    @replace_method(ClusterSession, "store")
    def store(original: Any, session: ClusterSession, message: Any) -> None:
        now = time.monotonic()
        if now - stored.get(session, now) > SHORT_SILENCE:
            session._cycle.clear()
        stored[session] = now
        original(session, message)


@fault("DEL-1", "GEN-3")
def kept_connections_delete_one_dataset() -> None:
    """The second DELETE on a connection is answered, and does nothing."""
    deleted: dict[Any, int] = {}

    @replace_method(RestProtocol, "connection_made")
    def connection_made(original: Any, protocol: RestProtocol, transport: Any) -> None:
        original(protocol, transport)
        deleted.pop(protocol.client, None)

    @replace_method(operation, "read_query")
    def read_query(original: Any, request: Request) -> Any:
        values = original(request)
        if request.method == "DELETE":
            client = request.scope["client"]
            deleted[client] = deleted.get(client, 0) + 1
            if deleted[client] > 1:
                raise RequestError(HTTPStatus.OK, "{}")
        return values
