"""Server process: it listens, announces its port, and stops cleanly."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol

GRACE = 1.5  # seconds that open connections get when the server stops
OPEN_FILES = 65536
SWITCH_INTERVAL = 0.0003  # seconds that each thread at work may delay the event loop; Python's default is 0.005


class Server(uvicorn.Server):
    """A uvicorn server that announces its port, and optionally stops when standard input closes."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[int], None], *, stop_with_stdin: bool) -> None:
        super().__init__(config)
        self._announce = announce
        self._stops_with_stdin = stop_with_stdin

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then announce the port: from then on connections are accepted."""
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(sockets[0].getsockname()[1])
            if self._stops_with_stdin:
                self._stop_with_stdin(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop the server soon."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, with a short grace period.

        Longer work, such as a conversion in a thread, ends with the process: a cancelled one would be answered with
        status 500.
        """
        watchdog = threading.Timer(GRACE, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()
        await super().shutdown(sockets)

    def _stop_with_stdin(self, loop: asyncio.AbstractEventLoop) -> None:
        # A daemon thread, since reading blocks and may never end.
        def wait() -> None:
            try:
                while os.read(0, 4096):
                    pass
            except OSError:
                pass
            loop.call_soon_threadsafe(self.stop)

        threading.Thread(target=wait, name="standard input", daemon=True).start()


class ClientErrorFilter(logging.Filter):
    """Keeps tracebacks of client errors and of the shutdown out of the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (UnicodeDecodeError, asyncio.CancelledError))


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket.

    Raises:
        OSError: If the address is unknown, not local, or in use.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # so that another server on this port is detected now
    except OSError:
        listener.close()
        raise
    return listener


def serve(
    app: ASGIApp,
    listener: socket.socket,
    announce: Callable[[int], None],
    *,
    max_message: int,
    stop_with_stdin: bool,
) -> None:
    """Serve an application until stopped.

    Args:
        app: Application for REST and websocket.
        listener: Bound socket; closed at the end.
        announce: Called with the port once connections are accepted.
        max_message: Size of the largest websocket message, in bytes.
        stop_with_stdin: Whether the end of standard input stops the server.
    """
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(ClientErrorFilter())
    logger.setLevel(max(logging.WARNING, logging.getLogger().level))  # lower levels log messages with tokens
    config = uvicorn.Config(
        app,
        interface="asgi3",  # not guessed from the type of the application
        http=RestProtocol,
        ws=SocketProtocol,
        ws_max_size=max_message,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # clients may stay silent; TCP keepalive detects lost ones
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # uvicorn raises the signal again once it has stopped
    server = Server(config, announce, stop_with_stdin=stop_with_stdin)
    _raise_open_files()
    gc.collect()
    gc.freeze()  # what is loaded now is never garbage, and looking through it again would block the event loop
    sys.setswitchinterval(SWITCH_INTERVAL)
    with listener:
        server.run(sockets=[listener])


def _raise_open_files() -> None:
    # Many silent connections must not exhaust the default limit of the system.
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Ignore a signal that has been handled already."""
