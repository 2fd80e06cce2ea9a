"""Checks of every call: tokens, first messages, kinds of messages, answers, connections."""

from __future__ import annotations

import difflib
import json
from http import HTTPStatus
from urllib.parse import unquote

from hanami_conformance.client_mode.record import CLUSTER, FILE, LOGIN, NEVER, Message, Request, Socket, json_object
from hanami_conformance.client_mode.registry import judges
from hanami_conformance.client_mode.situation import Situation, violation
from hanami_conformance.common.text import printable_line
from hanami_proto.codec import ProcessType, SchemaError

MOST_CONNECTIONS = 4
INVALID = (HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNPROCESSABLE_ENTITY)


@judges("CLI-1")
def tokens_in_headers(seen: Situation) -> int:
    """Check that every REST request but the login carries a token of the server."""
    requests = [request for request in seen.record.requests if request.operation != LOGIN]
    for request in requests:
        if request.token is None:
            raise violation("the header X-Auth-Token", f"{request.line} without it", request.event)
        if request.token not in seen.tokens:
            expected = "a token that the server gave out in X-Auth-Token"
            raise violation(expected, f"{request.line} with another value", request.event)
    return len(requests)


@judges("CLI-2")
def no_secret_in_urls(seen: Situation) -> int:
    """Check that no token and no password is in a URL."""
    secrets = {*seen.tokens, seen.materials.password}
    urls = list(seen.record.urls())
    for url, event in urls:
        if any(secret in text for secret in secrets for text in (url, unquote(url))):
            raise violation("no token and no password in a URL", printable_line(url), event)
    return len(urls)


@judges("CLI-3")
def valid_requests(seen: Situation) -> int:
    """Check that no request is rejected as wrong by a server that does its part."""
    for reason in seen.record.malformed:
        event = seen.last_event
        raise violation("requests of HTTP and frames of websockets", printable_line(reason), event)
    requests = [request for request in seen.record.requests if request.server_status]
    for request in requests:
        unknown = request.server_status == HTTPStatus.NOT_FOUND and not request.operation
        if unknown or request.server_status in INVALID:
            answer = printable_line(request.answer.decode("utf-8", "replace"))
            actual = f"{request.line}, answered {request.status} {answer}{_similar_route(request, seen)}"
            raise violation("a request of the protocol", actual, request.event)
    return len(requests)


def _similar_route(request: Request, seen: Situation) -> str:
    """Return the route of the protocol that a request to another path may mean, to be put after a message."""
    routes = [str(route) for route in seen.materials.dialect.routes.values()]
    like = difflib.get_close_matches(request.line, routes, n=1)
    return f"; the protocol has {like[0]}" if like and not request.operation else ""


@judges("CLI-4")
def right_first_messages(seen: Situation) -> int:
    """Check that the first message of a websocket is JSON with token, uuid and target."""
    sockets = [socket for socket in seen.record.sockets if socket.sent]
    for socket in sockets:
        first = socket.sent[0]
        try:
            fields = json.loads(first.payload)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise violation("a JSON object as first message", f"{len(first.payload)} other bytes", first.event)
        if fields.get("token") not in seen.tokens:
            raise violation("a token that the server gave out", "another one, or none", first.event)
        if fields.get("target") not in (FILE, CLUSTER):
            actual = printable_line(json.dumps(fields.get("target")))
            raise violation(f"the target {FILE} or {CLUSTER}", actual, first.event)
        known = seen.file_of(str(fields.get("uuid"))) is not None
        if socket.target == CLUSTER:
            known = fields.get("uuid") in seen.clusters
        if not known:
            what = "cluster" if socket.target == CLUSTER else "file that the POST gave"
            actual = printable_line(json.dumps(fields.get("uuid")))
            raise violation(f"the uuid of a {what}", actual, first.event)
    return len(sockets)


@judges("CLI-5")
def waits_for_acceptance(seen: Situation) -> int:
    """Check that nothing is sent between the first message and its acceptance, nor after a rejection."""
    sockets = [socket for socket in seen.record.sockets if socket.sent]
    for socket in sockets:
        for message in socket.sent[1:]:
            if message.at >= socket.accepted:
                break
            if message.at < socket.rejected == NEVER or message.at < min(socket.accepted, socket.rejected):
                raise violation("nothing before the acceptance", "another message", message.event)
            if "token" not in json_object(message.payload):
                raise violation("nothing after the rejection", "another message", message.event)
    return len(sockets)


@judges("CLI-6")
def binary_messages_of_the_type(seen: Situation) -> int:
    """Check that every message after the acceptance is binary, and of the type of the target."""
    codec = seen.materials.dialect.codec
    count = 0
    for socket in seen.accepted:
        decode = codec.decode_io if socket.target == CLUSTER else codec.decode_chunk
        name = "ClusterIO_Message" if socket.target == CLUSTER else "FileUpload_Message"
        for message in socket.data:
            count += 1
            if message.is_text:
                raise violation(f"a binary message with a {name}", "a text message", message.event)
            try:
                decode(message.payload)
            except SchemaError as error:
                raise violation(f"a {name}", printable_line(str(error)), message.event) from error
    return count


@judges("CLI-7")
def awaits_answers(seen: Situation) -> int:
    """Check that no websocket is closed by the client while a message on it has no answer."""
    count = 0
    for socket in seen.accepted:
        data = [message for message in socket.data if message.delivered]
        if not data or any(answer.is_disturbed for answer in socket.answers):
            continue  # the client may give up an answer that the scenario lost
        count += len(data)
        if socket.ended_by != "client":
            continue
        delivered = sum(answer.delivered for answer in socket.answers)
        expected = sum(_answers_to(message, socket, seen) for message in data)
        if delivered < expected:
            actual = f"closed after {delivered} of {expected} answers on {socket.channel}"
            raise violation("every answer is awaited before the websocket is closed", actual, _end_event(socket, seen))
    return count


def _answers_to(message: Message, socket: Socket, seen: Situation) -> int:
    """Return how many messages the server answers."""
    if socket.target != CLUSTER:
        return 1
    try:
        sent = seen.materials.dialect.codec.decode_io(message.payload)
    except SchemaError:
        return 0
    is_request = sent.is_last and sent.process_type == ProcessType.REQUEST
    return len(seen.materials.shape.outputs) if is_request else 1


def _end_event(socket: Socket, seen: Situation) -> int:
    """Return the index of the event by which a websocket ended."""
    ends = ("close", "end")
    events = enumerate(seen.record.recording.events)
    found = (index for index, event in events if event.channel == socket.channel and event.kind in ends)
    return next(found, socket.event)


@judges("CLI-8")
def closes_websockets(seen: Situation) -> int:
    """Check that every websocket that the client ends is ended by a close frame."""
    if seen.record.was_killed:
        return 0
    sockets = [socket for socket in seen.record.sockets if socket.ended_by == "client"]
    for socket in sockets:
        if not socket.has_close_frame:
            actual = f"the connection of {socket.channel} ended without one"
            raise violation("a close frame", actual, _end_event(socket, seen))
    return len(sockets)


@judges("CLI-9")
def few_connections(seen: Situation) -> int:
    """Check that no more than four connections are open at the same time."""
    most = seen.record.most_open
    if most > MOST_CONNECTIONS:
        expected = f"at most {MOST_CONNECTIONS} connections at the same time"
        raise violation(expected, f"{most} of them", seen.last_event)
    return most
