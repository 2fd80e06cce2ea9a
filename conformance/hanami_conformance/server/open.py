"""Reach a target, and start the server where that is ours to do."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import handle_signals
from hanami_conformance.options.run import RunOptions
from hanami_conformance.server.liveness import watch_sockets
from hanami_conformance.server.process import SERVER_LOG, ServerProcess
from hanami_conformance.server.reference import ReferenceProcess
from hanami_conformance.server.startup import ServerStartup
from hanami_conformance.target.connect import connect
from hanami_conformance.target.target import Target


@contextlib.contextmanager
def opened(options: RunOptions) -> Iterator[Target]:
    """Provide a target, reached and logged in to; start and stop the bundled backend where that is asked for.

    Raises:
        TargetDown, TargetRejectedConfiguration: see :func:`connect`.
    """
    SECRETS.clear()
    with handle_signals(), contextlib.ExitStack() as stack:
        yield stack.enter_context(_connected(options))


@contextlib.contextmanager
def _connected(options: RunOptions) -> Iterator[Target]:
    backend = ReferenceProcess(options.target.dialect) if options.reference else None
    with contextlib.ExitStack() as stack:
        if backend is not None:
            stack.callback(backend.stop)
        if options.server:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hanami-server-")))
            server = ServerProcess(options.server, folder / SERVER_LOG)
            stack.callback(server.close)
            target = ServerStartup(server, options.target, options.server_timeout).first_start()
        else:
            target = connect(options.target if backend is None else backend.start(options.target))
        watch_sockets(target)
        try:
            yield target
        finally:
            target.close_websockets()
            for left in target.undo():
                sys.stdout.write(SECRETS.text(f"left over on the target: {left}") + "\n")
            target.close()
