"""The servers of a benchmark: each starts when a measurement first asks for it, and all stop at the end."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.dialect import Dialect, load_dialect
from tools.bench.client import TIMEOUT, WebSocket
from tools.process import running_server
from tools.reference import BACKEND

USER = "bench"
TOKEN_LIFETIME = 10**9  # seconds: longer than any run


class Reference:
    """REST and websockets of the reference backend, as one logged-in user.

    Args:
        url: Address of the server.
        password: Password of the user ``bench``.

    Raises:
        ProcessError: If the login fails.
    """

    TITLE = "the reference backend"

    def __init__(self, url: str, password: str) -> None:
        self.dialect: Dialect = load_dialect()
        self._url = url
        # A connection for each request: one that was idle during a measurement may just be closed by the server.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._rest = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False, limits=limits)
        self._token = ""
        self._token = self.text(self.ask("token.create", {"id": USER, "password": password}), "token")

    def close(self) -> None:
        """Close the REST connection."""
        self._rest.close()

    def ask(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """One REST request.

        Args:
            operation: Name of the operation in the dialects, such as ``csv.init``.
            fields: Fields of the JSON body or of the query.

        Raises:
            ProcessError: If the answer is not status 200 with a JSON object.
        """
        route = self.dialect.route(operation)
        in_query = route.method in ("GET", "DELETE")
        headers = {"X-Auth-Token": self._token} if self._token else {}
        try:
            answer = self._rest.request(
                route.method,
                route.path,
                params=fields if in_query else None,
                json=None if in_query else fields,
                headers=headers,
            )
        except httpx.HTTPError as error:
            raise ProcessError(f"{self.TITLE} did not answer {route}: {error!r}") from error
        if answer.status_code != 200:
            raise ProcessError(f"{self.TITLE} answered {route} with {answer.status_code}: {answer.text[:200]}")
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ProcessError(f"{self.TITLE} answered {route} with no JSON object")
        return content

    def text(self, answer: dict[str, Any], key: str) -> str:
        """Return a text of an answer.

        Raises:
            ProcessError: If there is no value of that key.
        """
        value = answer.get(key)
        if not isinstance(value, str):
            raise ProcessError(f"{self.TITLE} answered without {key}")
        return value

    def open(self, target: str, uuid: str) -> WebSocket:
        """Return a websocket, attached.

        Args:
            target: ``file_upload`` or ``cluster``.
            uuid: Uuid of the file or of the cluster.

        Raises:
            ProcessError: If it does not open or is rejected.
        """
        return _attached(WebSocket(self.TITLE, self._url + "/"), self._token, uuid, target)


class Bare:
    """Websockets of the bare server."""

    TITLE = "the bare server"

    def __init__(self, url: str) -> None:
        self._url = url

    def websocket_url(self, path: str) -> str:
        """Address for other processes."""
        return f"ws{self._url.removeprefix('http')}/{path}"

    def open(self, path: str) -> WebSocket:
        """Return a websocket, attached in the same way as to the reference backend.

        Raises:
            ProcessError: If it does not open.
        """
        return _attached(WebSocket(self.TITLE, f"{self._url}/{path}"), "none", "none", path)


class Servers:
    """The servers of the measurements of a run."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._reference: Reference | None = None
        self._bare: Bare | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reference = self._bare = None
        self._stack.close()

    @property
    def reference(self) -> Reference:
        """The reference backend.

        Raises:
            ProcessError: If it does not start.
        """
        if self._reference is None:
            password = secrets.token_urlsafe(12)
            announced = self._stack.enter_context(
                running_server(
                    Reference.TITLE,
                    [*BACKEND, f"--token-lifetime={TOKEN_LIFETIME}"],
                    {"HANAMI_REFERENCE_USERS": f"{USER}:{password}:bench"},
                )
            )
            self._reference = Reference(announced["url"], password)
            self._stack.callback(self._reference.close)
        return self._reference

    @property
    def bare(self) -> Bare:
        """The bare server.

        Raises:
            ProcessError: If it does not start.
        """
        if self._bare is None:
            server = running_server(Bare.TITLE, ["-m", "tools.bench.baseline_server"])
            self._bare = Bare(self._stack.enter_context(server)["url"])
        return self._bare


def _attached(connection: WebSocket, token: str, uuid: str, target: str) -> WebSocket:
    try:
        connection.attach({"token": token, "uuid": uuid, "target": target})
    except BaseException:
        connection.close()
        raise
    return connection
