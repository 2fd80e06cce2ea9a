"""Assemble the server from the options and run it: the one place that activates faults and quirks."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Collection

from starlette.types import ASGIApp

from hanami_proto.http_origin import LOCALHOST, is_loopback
from hanami_reference_backend import __version__
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.options import Options
from hanami_reference_backend.serving import app
from hanami_reference_backend.serving.host_check import ANY_HOST, HostCheck
from hanami_reference_backend.serving.server import listen, serve


def run(options: Options) -> int:
    """Serve until stopped.

    Returns:
        The exit status: 0 after a stop, 1 if the server cannot listen.
    """
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
    hosts = allowed_hosts(options, listener.getsockname()[0])
    application = assemble(options)
    serve(
        application if options.released else HostCheck(application, hosts),
        listener,
        lambda port: announce(options, port, hosts),
        max_message=options.settings.max_message,
        stop_with_stdin=options.stop_with_stdin,
    )
    return 0


def assemble(options: Options) -> ASGIApp:
    """Build the application with the quirks and faults of the options."""
    if options.quirks is not None:
        from hanami_reference_backend.quirks.activate import activate  # noqa: PLC0415 - loaded only where asked for

        activate(options.quirks)
    if options.released:
        from hanami_reference_backend.faults import released  # noqa: PLC0415 - loaded only where asked for

        released.activate(options.released, options.defects)
    for fault in options.faults:
        fault.activate()
    # Looked up in its module, since quirks and faults replace functions there, the faults on top of the quirks.
    return app.build_app(Backend.create(options.dialect, options.settings, options.users, options.identity))


def allowed_hosts(options: Options, address: str) -> frozenset[str] | None:
    """Return the hosts that requests may name beside the loopback, or None for any host.

    Any web page can log in with the known default passwords. Where they serve a single machine, only pages of the
    server itself may use it; where others reach it, so can those who know them, and the user is warned.

    Args:
        options: Options of the server.
        address: Address that it listens on.
    """
    if ANY_HOST in options.allowed_hosts or options.released:  # released servers look at neither field
        return None
    if options.allowed_hosts:
        return options.allowed_hosts
    if not options.has_default_passwords:
        return None
    if is_loopback(address):
        return frozenset() if is_loopback(options.host.lower()) else frozenset({options.host.lower()})
    sys.stderr.write(
        f"hanami-reference-backend: warning: other machines can reach {options.host}, and log in with the known default"
        " passwords: give users of your own with --user\n"
    )
    return None


def announce(options: Options, port: int, hosts: Collection[str] | None) -> None:
    """Print the address of the server, and the hosts that it allows, as one line on standard output."""
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
                "allowed_hosts": None if hosts is None else [LOCALHOST, *sorted(hosts)],
            }
        )
    else:
        line = (
            f"Hanami reference backend ({options.dialect.name}) ready on {url} - REST and websocket,"
            f" API page at {url}/docs"
        )
        if hosts is not None:
            names = ", ".join([f"{LOCALHOST} and its addresses", *sorted(hosts)])
            line += f"; only for requests to {names}, see --allow-host"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
