"""Running the application: listening, announcing it, and stopping cleanly."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn

from reference_backend import __version__
from reference_backend.app import build_app
from reference_backend.backend import Backend
from reference_backend.options import Options
from reference_backend.transport import ClientFaults, RestProtocol, SocketProtocol

GRACE = 1.5  # seconds that open connections get when the server stops
OPEN_FILES = 65536


class Server(uvicorn.Server):
    """Tells when it listens, and ends with its standard input if it shall."""

    def __init__(self, config: uvicorn.Config, options: Options) -> None:
        super().__init__(config)
        self._options = options

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then announce it: from that line on connections are accepted."""
        await super().startup(sockets)
        if self.started and sockets:
            announce(self._options, sockets[0].getsockname()[1])
            if self._options.stop_with_stdin:
                self._stop_with_stdin(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop soon."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is open, and wait a little for it.

        What takes longer, such as a conversion in a thread, is cut off by the end of the process: to cancel it would
        have uvicorn answer the request with status 500.
        """
        watchdog = threading.Timer(GRACE, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()
        await super().shutdown(sockets)

    def _stop_with_stdin(self, loop: asyncio.AbstractEventLoop) -> None:
        # A thread of its own that nobody waits for: reading blocks, and it may never end.
        def wait() -> None:
            try:
                while os.read(0, 4096):
                    pass
            except OSError:
                pass
            loop.call_soon_threadsafe(self.stop)

        threading.Thread(target=wait, name="standard input", daemon=True).start()


def announce(options: Options, port: int) -> None:
    """Print the one line on standard output."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{port}"
    if options.announce == "json":
        expired = {user.id: options.users.expired_token(user) for user in options.users}
        line = json.dumps(
            {
                "url": url,
                "dialect": options.dialect.name,
                "version": __version__,
                "pid": os.getpid(),
                "expired_tokens": expired,
            }
        )
    else:
        line = (
            f"Hanami reference backend ({options.dialect.name}) ready on {url} - REST and websocket,"
            f" API page at {url}/docs"
        )
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        OSError: the address is unknown, not ours, or in use.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # now, and not later, another server on that port is noticed
    except OSError:
        listener.close()
        raise
    return listener


def serve(options: Options) -> int:
    """Serve until told to stop; the exit status."""
    try:
        listener = listen(options.host, options.port)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"hanami-reference-backend: cannot listen on {options.host}:{options.port}: {reason}\n")
        return 1
    logging.basicConfig(
        stream=sys.stderr,
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    below = logging.getLogger("uvicorn.error")
    below.addFilter(ClientFaults())
    below.setLevel(max(logging.WARNING, logging.getLogger().level))  # below that it tells messages, tokens among them
    if options.quirks is not None:
        from reference_backend.quirks.apply import apply  # noqa: PLC0415 - an honest server never loads a quirk

        apply(options.quirks)
    for fault in options.faults:
        fault.apply()
    app = build_app(Backend.of(options.dialect, options.settings, options.users, options.chance))
    config = uvicorn.Config(
        app,
        http=RestProtocol,
        ws=SocketProtocol,
        ws_max_size=options.settings.max_message,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # a client may be silent as long as it likes; keepalive of TCP notices lost ones
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # uvicorn raises the signal again once it has stopped
    server = Server(config, options)
    _raise_open_files()
    with listener:
        server.run(sockets=[listener])
    return 0


def _raise_open_files() -> None:
    # Many silent connections must not use up what the system grants by default.
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the signal has been handled."""
