"""REST calls under load: one client a user, connections kept where the target keeps them."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from gevent import Timeout
from geventhttpclient import URL, HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from conformance.clients.rest import HEADERS, TOKEN_HEADER
from conformance.jsontext import json_object
from conformance.text import quote
from loadtests.engine.failures import ConnectionLost, LoadFailure, NoAnswer, Refused, WrongAnswer
from proto.dialects import Dialect

IDLE = 1.0  # seconds after which a kept connection is not trusted: the target may be about to close it
FOREVER = 3600.0  # for waits of the library, which hold for each read alone; ours holds for the whole call


class ServerError(LoadFailure):
    """A 5xx."""

    kind = "server error"


@dataclass(frozen=True)
class RestAnswer:
    """The answer to a REST call.

    Attributes:
        request: method and path, one line.
        status: of HTTP.
        body: whole.
    """

    request: str
    status: int
    body: bytes

    def object(self) -> dict[str, Any]:
        """The JSON object of a 200.

        Raises:
            Refused: a 4xx.
            ServerError: a 5xx.
            WrongAnswer: anything else.
        """
        if 400 <= self.status < 500:
            raise Refused(f"{self.request} was answered {self}")
        if self.status >= 500:
            raise ServerError(f"{self.request} was answered {self}")
        found = json_object(self.body)
        if self.status != 200 or found is None:
            raise WrongAnswer("GEN-1", f"200 and a JSON object to {self.request}", str(self))
        return found

    def __str__(self) -> str:
        return f"{self.status} {quote(self.body.decode('utf-8', 'replace'), 200)}".rstrip()


class Rest:
    """The REST API, as one user calls it.

    Args:
        url: address of the target, with its base path.
        dialect: its routes.
        token: tells that of the account.
        deadline: seconds that a call may take.
        ssl_context: for ``https``.
    """

    def __init__(
        self,
        url: str,
        dialect: Dialect,
        token: Callable[[], str],
        deadline: float,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        address = URL(url)
        self._base = address.path.rstrip("/")
        self._dialect = dialect
        self._token = token
        self._address = address
        self._ssl = ssl_context
        self._client: HTTPClient | None = None
        self._deadline = deadline
        self._used = time.monotonic()

    def _connected(self) -> HTTPClient:
        context = self._ssl
        return HTTPClient(
            self._address.host,
            self._address.port,
            connection_timeout=FOREVER,
            network_timeout=FOREVER,
            concurrency=1,
            ssl=context is not None,
            ssl_context_factory=None if context is None else lambda: context,
        )

    def call(
        self,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        extra: float = 0.0,
    ) -> RestAnswer:
        """Call an operation of the dialect.

        Args:
            operation: such as ``csv.init``.
            params: of the query.
            body: sent as JSON.
            extra: seconds on top of the deadline, for work that takes the target long.

        Raises:
            NoAnswer, ConnectionLost: no whole answer came.
        """
        route = self._dialect.route(operation)
        path = self._base + route.path + (f"?{urlencode(params)}" if params else "")
        content = b"" if body is None else json.dumps(body).encode()
        headers = {
            **HEADERS,
            TOKEN_HEADER: self._token(),
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        request = f"{route.method} {route.path}"
        if time.monotonic() - self._used > IDLE:
            self.close()
        if self._client is None:
            self._client = self._connected()
        seconds = self._deadline + extra
        try:
            with Timeout(seconds, TimeoutError):
                response = self._client.request(route.method, path, content, headers)
                data = bytes(response.read())
        except TimeoutError as error:
            self.close()
            raise NoAnswer(f"no whole answer to {request} within {seconds:g} s") from error
        except (OSError, HTTPConnectionClosed, HTTPParseError) as error:
            self.close()
            raise ConnectionLost(f"no answer to {request}: {error or type(error).__name__}") from error
        self._used = time.monotonic()
        return RestAnswer(request, int(response.status_code), data)

    def close(self) -> None:
        """Close what is open; the next call opens it again."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
