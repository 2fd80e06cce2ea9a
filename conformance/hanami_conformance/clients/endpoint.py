"""The address of a target: its name is resolved, its addresses are tried in turn, each failure has its own reason."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from hanami_conformance.clients.deadline import SHORTEST_WAIT, Deadline

PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
MOST_ADDRESSES = 8  # of one name that are tried
CERTIFICATE_HINT = "give --ca-file FILE with the authority that signed it, or --insecure"
PLAIN_HINT = "does the server speak TLS on this port? (http:// in place of https://)"
NO_ROUTE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN)
UNKNOWN = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))

Address = tuple[Any, Any, int, Any]  # family, kind and protocol of a socket, and what to connect it to


class ConnectError(OSError):
    """There is no connection to a target.

    Args:
        reason: Reason, for each address where there are several; one line.
        number: Number of the error in the system, None for none.
    """

    def __init__(self, reason: str, number: int | None = None) -> None:
        super().__init__(reason)
        self.errno = number


class Endpoint:
    """Where a target listens. An address that worked is tried first from then on.

    Args:
        url: Address, ``http``, ``https``, ``ws`` or ``wss``.
        ssl_context: TLS context; None for connections without encryption.
        proxy_port: Port of a TCP proxy on this machine that every connection goes through; None for none.

    Attributes:
        url: The address as it was given.
        host: Name or IP address of the host, without brackets.
        port: Port of the host.
    """

    def __init__(self, url: str, ssl_context: ssl.SSLContext | None = None, proxy_port: int | None = None) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host = parts.hostname or ""
        self.port = parts.port or PORTS[parts.scheme]
        self._ssl = ssl_context
        self._proxy_port = proxy_port
        self._addresses: list[Address] = []

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def authority(self) -> str:
        """Value of the Host header: a server may reject any other one before it reads the rest of a request."""
        return urlsplit(self.url).netloc

    @property
    def websocket_url(self) -> str:
        """Address of the websocket: that of the REST API (requirement ATT-1)."""
        return self.url if self.url.startswith("ws") else f"ws{self.url.removeprefix('http')}/"

    def connect(self, deadline: Deadline) -> socket.socket:
        """Return a new connection, encrypted where there is a TLS context.

        Args:
            deadline: Limit of everything: the name, and all of its addresses.

        Raises:
            ConnectError: If there is none.
        """
        addresses = self._addresses or self._resolve(deadline)
        self._addresses = []  # resolved again after a failure, since a server may return at another address
        failures: list[str] = []
        cause = OSError()
        for index, address in enumerate(addresses):
            try:
                connection = self._open(address, _share(deadline, index, len(addresses)))
            except OSError as error:
                failures.append(str(error) if len(addresses) == 1 else f"{_shown(address)}: {error}")
                cause = error
            else:
                self._addresses = [address, *addresses[:index], *addresses[index + 1 :]]
                return connection
        what = "" if len(addresses) == 1 else f"{self.host} has {len(addresses)} addresses: "
        raise ConnectError(what + "; ".join(failures), cause.errno) from cause

    def _open(self, address: Address, deadline: Deadline) -> socket.socket:
        family, kind, protocol, place = address
        with _explained(lambda error: error.strerror or str(error)):
            connection = socket.socket(family, kind, protocol)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(max(deadline.remaining(), SHORTEST_WAIT))
            with _explained(lambda error: _explain_connect(error, deadline)):
                connection.connect(place)
            if self._ssl is None:
                return connection
            connection.settimeout(max(deadline.remaining(), SHORTEST_WAIT))
            with _explained(lambda error: _explain_tls(error, deadline)):
                return self._ssl.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise

    def _resolve(self, deadline: Deadline) -> list[Address]:
        if self._proxy_port is not None:
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, ("127.0.0.1", self._proxy_port))]
        if _is_ip(self.host):
            return self._look_up()
        # The resolver of the system takes no time limit: it may wait for name servers for half a minute.
        found: list[list[Address] | OSError] = []

        def look_up() -> None:
            try:
                found.append(self._look_up())
            except (OSError, UnicodeError) as error:
                found.append(error if isinstance(error, OSError) else ConnectError(f"unknown host {self.host!r}"))

        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(deadline.remaining())
        if not found:
            raise ConnectError(f"host name {self.host!r} not resolved within {deadline.seconds:g} s")
        if isinstance(found[0], OSError):
            raise found[0]
        return found[0]

    def _look_up(self) -> list[Address]:
        try:
            answers = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in UNKNOWN:
                raise ConnectError(f"unknown host {self.host!r}") from error
            raise ConnectError(f"host name {self.host!r} cannot be resolved: {error.strerror}") from error
        addresses = [(family, kind, protocol, place) for family, kind, protocol, _, place in answers]
        return list(dict.fromkeys(addresses))[:MOST_ADDRESSES]


def _share(deadline: Deadline, index: int, count: int) -> Deadline:
    """Return the deadline of one of several addresses, which leaves as much time to each of those that follow."""
    if count == 1:
        return deadline
    seconds = deadline.remaining() / (count - index)
    return Deadline(deadline.at - seconds * (count - index - 1), round(seconds, 1))


@contextlib.contextmanager
def _explained(explain: Callable[[OSError], str]) -> Iterator[None]:
    """Give errors of the network within the block a reason for people."""
    try:
        yield
    except OSError as error:
        raise ConnectError(explain(error), error.errno) from error


def _explain_connect(error: OSError, deadline: Deadline) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return f"connect timeout after {deadline.seconds:g} s"
    if error.errno in NO_ROUTE:
        return "no route to this host"
    return error.strerror or str(error)


def _explain_tls(error: OSError, deadline: Deadline) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate rejected: {error.verify_message}; {CERTIFICATE_HINT}"
    if isinstance(error, TimeoutError):
        return f"no answer to the TLS handshake within {deadline.seconds:g} s; {PLAIN_HINT}"
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return f"TLS handshake failed: the server ended the connection; {PLAIN_HINT}"
    if isinstance(error, ssl.SSLError):
        return f"TLS handshake failed: {(error.reason or str(error)).replace('_', ' ').lower()}; {PLAIN_HINT}"
    return f"TLS handshake failed: {error.strerror or error}"


def _shown(address: Address) -> str:
    host = address[3][0]
    return f"[{host}]" if ":" in host else str(host)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
