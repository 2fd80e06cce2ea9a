"""REST calls under load: one client a user, connections kept where the target keeps them.

It uses the standard library, which gevent makes cooperative where Locust runs, and which sends nothing twice: a client
that repeats a request after a lost response hides the loss.
"""

from __future__ import annotations

import http.client
import json
import select
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

from gevent.monkey import get_original

from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.rest import HEADERS, TOKEN_HEADER
from hanami_conformance.clients.rest_response import RestResponse
from hanami_loadtests.engine.arrival import clock
from hanami_loadtests.engine.bounded_response import BoundedConnection
from hanami_loadtests.engine.failures import (
    ConnectionLost,
    IncorrectAnswer,
    LoadFailure,
    NoAnswer,
    NoConnection,
    Rejected,
    TooLarge,
    unless_shortage,
)
from hanami_proto.dialect import Dialect

PLAIN_POLL = get_original("select", "poll")  # with a timeout of 0, gevent's own can miss readable data
IDLE_SECONDS = 1.0  # age from which a kept connection is not used again: the target may be about to close it


class ServerError(LoadFailure):
    """A 5xx."""

    kind = "server error"


class LoadResponse(RestResponse):
    """A response that raises failures of load runs."""

    def object(self) -> dict[str, Any]:
        """Return the JSON object of a 200.

        Raises:
            Rejected: If the status is a 4xx.
            ServerError: If the status is a 5xx.
            IncorrectAnswer: If the status or the body is anything else.
        """
        if self.rejected:
            raise Rejected(f"response to {self.request}: {self}")
        if self.failed:
            raise ServerError(f"response to {self.request}: {self}")
        found = json_object(self.body)
        if self.status != 200 or found is None:
            raise IncorrectAnswer("GEN-1", f"200 and a JSON object to {self.request}", str(self))
        return found


class Rest:
    """The REST API, as one user calls it.

    Args:
        endpoint: Where the target listens; its address has at most a base path.
        dialect: Dialect with the routes.
        token: Returns the token of the account.
        deadline: Seconds that a call may take.

    Attributes:
        sent: Time at which the last answered call began, seconds of the clock: to connect, or else to send.
        answered: Time at which the last response had arrived, seconds of the clock.
    """

    def __init__(self, endpoint: Endpoint, dialect: Dialect, token: Callable[[], str], deadline: float) -> None:
        self._endpoint = endpoint
        self._base = urlsplit(endpoint.url).path.rstrip("/")
        self._dialect = dialect
        self._token = token
        self._connection: BoundedConnection | None = None
        self._deadline = deadline
        self._used = time.monotonic()
        self.sent = self.answered = clock()

    def call(
        self,
        operation: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        extra: float = 0.0,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> LoadResponse:
        """Call an operation of the dialect.

        Args:
            operation: Name of the operation, such as ``csv.init``.
            params: Query parameters.
            body: Body, sent as JSON.
            extra: Seconds on top of the deadline, for work that takes the target long.
            headers: Further header fields.

        Raises:
            NoConnection: If the target accepts no connection.
            NoAnswer, ConnectionLost, TooLarge: If no whole response arrives.
        """
        route = self._dialect.route(operation)
        path = self._base + route.path + (f"?{urlencode(params)}" if params else "")
        content = b"" if body is None else json.dumps(body).encode()
        fields = {**HEADERS, TOKEN_HEADER: self._token(), **headers}
        if body is not None:
            fields["Content-Type"] = "application/json"
        request = f"{route.method} {route.path}"
        if self._connection is not None and self._is_stale(self._connection):
            self.close()
        seconds = self._deadline + extra
        began = clock() if self._connection is None else None
        try:
            if self._connection is None:
                self._connection = BoundedConnection(self._endpoint, seconds)
            response, data = self._connection.exchange(route.method, path, content or None, fields, seconds)
        except ConnectError as error:
            refused = NoConnection(f"no connection for {request}: {error}")
            raise unless_shortage(refused, error, self._endpoint.place) from error
        except TimeoutError as error:
            self.close()
            raise NoAnswer(f"no whole answer to {request} within {seconds:g} s") from error
        except TooLarge as error:
            self.close()
            raise TooLarge(f"answer to {request}: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            lost = ConnectionLost(f"no answer to {request}: {error or type(error).__name__}")
            raise unless_shortage(lost, error, self._endpoint.place) from error
        except BaseException:
            self.close()
            raise
        self._used = time.monotonic()
        self.sent = began or self._connection.sent or self.sent
        self.answered = self._connection.arrived
        content_type, location = (response.getheader(name, "") for name in ("content-type", "location"))
        return LoadResponse(request, response.status, data, content_type, location)

    def _is_stale(self, connection: BoundedConnection) -> bool:
        """Whether a kept connection is old, or was ended by the target meanwhile."""
        if time.monotonic() - self._used > IDLE_SECONDS or connection.sock is None:
            return True
        poller = PLAIN_POLL()  # not select, which refuses descriptors from 1024 on
        poller.register(connection.sock, select.POLLIN)
        return bool(poller.poll(0))

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
