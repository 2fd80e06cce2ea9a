"""Check of the fields Host and Origin, by which web pages of others give themselves away."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from http import HTTPStatus

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hanami_proto.http_origin import host_name, is_loopback, is_same_origin, origin_host
from hanami_reference_backend.common.errors import RequestError, bad_request

ANY_HOST = "*"


class HostCheck:
    """ASGI middleware that rejects requests for other hosts, and of the web pages of others.

    Any page that a user opens can send requests to servers of the same machine, and can read the responses if its name
    resolves to the address of the server (DNS rebinding). Its requests then have the name of the page in the field
    Host; otherwise the field Origin names the page.

    Args:
        application: Application of the server.
        hosts: Hosts that are allowed beside the loopback; None for any host and any page.
    """

    def __init__(self, application: ASGIApp, hosts: Collection[str] | None) -> None:
        self._application = application
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket (ASGI)."""
        try:
            self.check(scope)
        except RequestError as error:
            await _reject(error, scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def check(self, scope: Scope) -> None:
        """Check the fields of a request or a handshake.

        Raises:
            RequestError: 400 without exactly one Host, which HTTP/1.0 may leave out (RFC 9112, 3.2), if any host is
                allowed; 403 for another host or a page of others.
        """
        hosts, origins = _fields(scope["headers"], b"host"), _fields(scope["headers"], b"origin")
        if len(hosts) != 1 and (hosts or self._hosts is not None or scope["http_version"] != "1.0"):
            raise bad_request(f"a request needs exactly one header Host, not {len(hosts)}")
        if self._hosts is None:
            return
        host = host_name(hosts[0])
        if not self._is_allowed(host):
            named = f"the host {host}" if host else "this host"
            raise _forbidden(f"{named} is not allowed: start the server with --allow-host {host or 'NAME'}")
        for origin in origins:
            if not (is_same_origin(origin, hosts[0]) or origin_host(origin) in self._hosts):
                page = origin_host(origin) or "NAME"
                raise _forbidden(f"a page of {origin} is not allowed: start the server with --allow-host {page}")

    def _is_allowed(self, host: str) -> bool:
        return is_loopback(host) or host in (self._hosts or ())


def _fields(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _forbidden(reason: str) -> RequestError:
    return RequestError(HTTPStatus.FORBIDDEN, reason)


async def _reject(error: RequestError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or a handshake in place of the websocket, with the status and the reason."""
    await PlainTextResponse(error.reason, error.status)(scope, receive, send)
