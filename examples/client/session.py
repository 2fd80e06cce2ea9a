"""A session with a Hanami server: log in, call the REST API, attach websockets."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from hanami_proto.dialect import Route, load_dialect

ANSWER_SECONDS = 5.0  # to wait for one answer; large tables and large clusters need more
PAUSES = (0.5, 1.5)  # seconds before each repetition of a step that failed


class HanamiError(Exception):
    """The workflow cannot go on; the message is one line for the user."""


class RejectedError(HanamiError):
    """The server rejected a request, or a websocket (status 0).

    Attributes:
        status: Status of the answer.
        may_be_done: Whether an earlier try of the request got no answer, and may have been done.
    """

    def __init__(self, message: str, status: int = 0, *, may_be_done: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.may_be_done = may_be_done


class TemporaryError(HanamiError):
    """What may be better the next time: no connection, no answer in time, or a status of 500 and more."""


class Session:
    """A user who is logged in.

    Args:
        url: Address of the server, ``http://HOST:PORT``.
        dialect: Name of the dialect that the server speaks.
        user: User who logs in.
        password: Password of the user.
    """

    def __init__(self, url: str, dialect: str, user: str, password: str) -> None:
        self.dialect = load_dialect(dialect)
        self._url = url
        self._login = self.dialect.login(user, password)
        self._token = ""
        # No connection is kept: servers have few workers, and an idle connection may occupy one.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=url, timeout=ANSWER_SECONDS, limits=limits)
        self.log_in()

    def log_in(self) -> None:
        """Get a new token."""
        self._token = ""
        self._token = self.call("token.create", self._login)["token"]

    def call(self, operation: str, fields: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """Call the REST API, and return the JSON object that it answers.

        Args:
            operation: Name of the operation in the dialect, which says its method and path.
            fields: Query parameters of a GET, otherwise fields of the body.
            repeatable: Whether to ask again where the server may have done the operation already.
        """
        route = self.dialect.route(operation)
        may_be_done = renewed = False
        for pause in (*PAUSES, None):
            try:
                response = self._send(route, fields)
                if response.status_code == httpx.codes.UNAUTHORIZED and self._token and not renewed:
                    renewed = True
                    self.log_in()  # tokens expire
                    response = self._send(route, fields)
            except httpx.TransportError as error:
                failure = f"{route}: {error or type(error).__name__}"
                may_be_done = may_be_done or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            else:
                if response.status_code == httpx.codes.OK:
                    return json_object(response.content, f"{route} answered")
                failure = f"{route} answered {response.status_code}: {response.text[:200]}"
                if not response.is_server_error:
                    raise RejectedError(failure, response.status_code, may_be_done=may_be_done)
                may_be_done = True
            if pause is None or (may_be_done and not repeatable):
                raise TemporaryError(failure)
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _send(self, route: Route, fields: Mapping[str, Any]) -> httpx.Response:
        query, body = (fields, None) if route.method == "GET" else (None, fields)
        # The token has a header of its own: URLs end up in logs.
        headers = {"X-Auth-Token": self._token} if self._token else {}
        return self._http.request(route.method, route.path, params=query, json=body, headers=headers)

    def attach(self, target: str, uuid: str) -> ClientConnection:
        """Open a websocket and attach it to a file or a cluster; the caller closes it."""
        try:
            return self._attach(target, uuid)
        except RejectedError:
            self.log_in()  # the token may have expired
            return self._attach(target, uuid)

    def _attach(self, target: str, uuid: str) -> ClientConnection:
        address = self._url.replace("http", "ws", 1)  # https becomes wss
        try:
            # Servers answer no pings while a cluster works: the deadline of each answer replaces them.
            socket = connect(address, open_timeout=ANSWER_SECONDS, ping_interval=None)
        except (OSError, WebSocketException) as error:
            raise TemporaryError(f"no websocket at {address}: {error}") from error
        try:
            first_message = json.dumps({"token": self._token, "uuid": uuid, "target": target})
            answer = json_object(exchange(socket, first_message), "the first message was answered with")
            if answer.get("success") != 1:  # or true, which is equal to 1
                raise RejectedError(f"the websocket was rejected: {answer.get('error', 'without a reason')}")
        except HanamiError:
            socket.close()
            raise
        return socket


def exchange(socket: ClientConnection, message: bytes | str) -> bytes:
    """Send a message on a websocket and return the answer; every message has one."""
    try:
        socket.send(message)
    except ConnectionClosed as error:
        raise TemporaryError(f"the websocket was closed: {error}") from error
    return receive(socket)


def receive(socket: ClientConnection) -> bytes:
    """Return the next message of a websocket; text as UTF-8."""
    try:
        message = socket.recv(ANSWER_SECONDS)
    except TimeoutError as error:
        raise TemporaryError(f"no answer on the websocket within {ANSWER_SECONDS:g} s") from error
    except ConnectionClosed as error:
        raise TemporaryError(f"the websocket was closed: {error}") from error
    return message if isinstance(message, bytes) else message.encode()


def json_object(text: bytes, context: str) -> dict[str, Any]:
    """Return the JSON object of an answer; the context begins the message of an error."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise HanamiError(f"{context} {text[:40]!r}, which is no JSON object")
    return answer
