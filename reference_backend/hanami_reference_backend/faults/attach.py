"""Faults of the first message of a socket: the handshake, the answer, the token (ATT-1 to ATT-3)."""

from __future__ import annotations

import json
from typing import Any

import jwt
from websockets.http11 import Request

from hanami_reference_backend.auth import ALGORITHM, InvalidTokenError, User, Users
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import ACCEPTED, RejectedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.storage.datasets import DatasetStore

EXTENSIONS = "Sec-WebSocket-Extensions"


@fault("ATT-1")
def sockets_on_one_path_only() -> None:
    """Websockets open only at the path /ws."""
    _open_only_if(lambda scope: scope["path"] == "/ws")


@fault("ATT-1")
def sockets_need_a_browser() -> None:
    """A handshake without the header Origin, which browsers send, is rejected."""
    _open_only_if(lambda scope: b"origin" in dict(scope["headers"]))


def _open_only_if(is_allowed: Any) -> None:
    @replace_method(SocketServer, "__call__")
    async def call(original: Any, server: SocketServer, scope: Any, receive: Any, send: Any) -> None:
        if is_allowed(scope):
            await original(server, scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close"})  # before an accept, which makes it a 403


@fault("ATT-1", hook=replace_method(Channel, "open"))
async def handshake_unanswered(_original: Any, _channel: Channel) -> None:
    """The handshake of a websocket is never answered."""
    await internals.hang()


@fault("ATT-1", hook=replace_method(SocketProtocol, "handle_connect"))
def compression_promised(original: Any, protocol: SocketProtocol, event: Request) -> None:
    """The answer to a handshake that offers compression accepts it, but compressed messages are not understood."""
    original(protocol, event)
    if "permessage-deflate" in ", ".join(event.headers.get_all(EXTENSIONS)):
        protocol.response.headers[EXTENSIONS] = "permessage-deflate"


@fault("ATT-2")
def accepts_with_success_0() -> None:
    """The reply to an accepted first message says success 0."""
    _accept_with(json.dumps({"success": 0}))


@fault("ATT-2")
def accepts_without_json() -> None:
    """The reply to an accepted first message is the word OK."""
    _accept_with("OK")


@fault("ATT-2")
def acceptance_doubled() -> None:
    """An accepted first message is answered twice."""
    _accept_with(ACCEPTED, ACCEPTED)


@fault("ATT-2")
def acceptance_missing() -> None:
    """An accepted first message is not answered."""
    _accept_with()


def _accept_with(*answers: str) -> None:
    @replace_method(Channel, "send_text")
    async def send_text(original: Any, channel: Channel, text: str) -> None:
        for answer in answers if text == ACCEPTED else (text,):
            await original(channel, answer)


@fault("ATT-2", "DATA-8", hook=replace_method(SocketServer, "open_upload"))
def label_files_not_attachable(original: Any, server: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
    """No socket attaches to the label file of an upload."""
    uploads = server._backend.datasets._uploads.values()
    if uuid in {file.uuid for upload in uploads for file in upload.files[1:]}:
        raise RejectedError("there is no unfinished file with this uuid")
    return original(server, channel, user, uuid)


def _compare_uuids(part: slice) -> None:
    """Compare only a part of the uuid of a file."""

    @replace_method(SocketServer, "open_upload")
    def open_upload(original: Any, server: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        files = server._backend.datasets._files
        whole = next((known for known in files if isinstance(uuid, str) and known[part] == uuid[part]), uuid)
        return original(server, channel, user, whole)


@fault("ATT-4")
def uuids_compared_by_their_beginning() -> None:
    """Only the first eight characters of the uuid of a file are compared."""
    _compare_uuids(slice(8))


@fault("ATT-4")
def uuids_compared_by_their_end() -> None:
    """Only the last twelve characters of the uuid of a file are compared."""
    _compare_uuids(slice(-12, None))


@fault("ATT-3", hook=replace_method(SocketServer, "user"))
def tokens_unchecked_on_sockets(original: Any, server: SocketServer, fields: dict[str, Any]) -> Any:
    """Any token in a first message is accepted as a token of the default user."""
    try:
        return original(server, fields)
    except RejectedError:
        return next(iter(server._backend.users))


@fault("ATT-3")
def tokens_unchecked_after_a_valid_one() -> None:
    """Any token is accepted for a uuid that was opened with a valid token before."""
    owners: dict[str, User] = {}

    @replace_method(SocketServer, "user")
    def user(original: Any, server: SocketServer, fields: dict[str, Any]) -> Any:
        uuid = str(fields.get("uuid"))
        try:
            owners[uuid] = user = original(server, fields)
        except RejectedError:
            if uuid not in owners:
                raise
            return owners[uuid]
        return user


@fault("ATT-3", hook=replace_method(SocketServer, "user"))
def no_token_needed_for_clusters(original: Any, server: SocketServer, fields: dict[str, Any]) -> Any:
    """The token of a first message is checked for files, but not for clusters."""
    try:
        return original(server, fields)
    except RejectedError:
        if fields.get("target") != "cluster":
            raise
        return next(iter(server._backend.users))


@fault("ATT-3", hook=replace_method(SocketServer, "user"))
def missing_token_is_anybody(original: Any, server: SocketServer, fields: dict[str, Any]) -> Any:
    """A first message without a token is served as the default user."""
    return original(server, fields) if fields.get("token") else next(iter(server._backend.users))


@fault("ATT-3", "MODE-2", "INIT-6", "PROG-4")
def expired_tokens_accepted() -> None:
    """Tokens never expire."""
    _decode_with({"verify_exp": False})


@fault("ATT-3", "MODE-2", "INIT-6", "PROG-4")
def signatures_unchecked() -> None:
    """The signature of a token is not verified."""
    _decode_with({"verify_signature": False})


def _decode_with(options: Any) -> None:
    @replace_method(Users, "user_from_token")
    def user_from_token(original: Any, users: Users, token: str) -> Any:
        try:
            return original(users, token)
        except InvalidTokenError:
            try:
                claims = jwt.decode(token, users._secret, algorithms=[ALGORITHM], options=options)
                return users._users[claims["sub"]]
            except (jwt.PyJWTError, KeyError) as error:
                raise InvalidTokenError("the token is not valid") from error


@fault("ATT-3", "MODE-2", hook=replace_method(Users, "user_from_token"))
def algorithm_none_accepted(original: Any, users: Users, token: str) -> Any:
    """A token with the algorithm none is accepted without a signature."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        header = {}
    if header.get("alg") != "none":
        return original(users, token)
    return users._users[jwt.decode(token, options={"verify_signature": False})["sub"]]


@fault("ATT-3", hook=replace_method(SocketServer, "attach"))
async def malformed_token_met_with_silence(original: Any, server: SocketServer, channel: Channel) -> Any:
    """A first message with a malformed token is not answered."""
    message = await channel.receive()
    if str(server.read(message).get("token")).count(".") != 2:
        await internals.hang()
    return await _attach_after(message, original, server, channel)


@fault("ATT-3", "ATT-4", "ATT-5", "ATT-6", hook=replace_method(SocketServer, "attach"))
async def rejection_as_plain_text(_original: Any, server: SocketServer, channel: Channel) -> Any:
    """A rejected first message is answered by a plain sentence, and the socket stays open."""
    try:
        return server.open_session(channel, await channel.receive())
    except RejectedError as error:
        await channel.send_text(f"sorry, {error}")
        await internals.hang()


async def _attach_after(message: bytes | str, original: Any, server: SocketServer, channel: Channel) -> Any:
    """Call the original with a message that was received already."""
    receive = channel.receive

    async def receive_again() -> bytes | str:
        channel.receive = receive  # type: ignore[method-assign]
        return message

    channel.receive = receive_again  # type: ignore[method-assign]
    return await original(server, channel)


@fault("ATT-4", "GEN-3")
def label_files_of_others_attach() -> None:
    """Another user may attach to the label file of an upload."""

    @replace_method(DatasetStore, "file")
    def file(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        found = store._files.get(uuid)
        if found is not None and any(found in upload.files[1:] for upload in store._uploads.values()):
            return found
        return original(store, user, uuid)
