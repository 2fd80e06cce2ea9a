"""The life of a target: the server is started where that is ours to do, reached, and left as it was."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import handle_signals
from hanami_conformance.common.temporary import temporary_folder
from hanami_conformance.options.run import RunOptions
from hanami_conformance.resources.factory import run_prefix
from hanami_conformance.resources.listing import protect_existing
from hanami_conformance.server.liveness import watch_sockets
from hanami_conformance.server.machine import ServerMachine, require_descriptors
from hanami_conformance.server.process import SERVER_LOG, ServerProcess
from hanami_conformance.server.reference import ReferenceBackend
from hanami_conformance.server.startup import ServerStartup
from hanami_conformance.target.connect import connect
from hanami_conformance.target.server_control import ServerControl
from hanami_conformance.target.target import Target


@dataclass(frozen=True)
class OpenTarget:
    """A target that was reached.

    Attributes:
        target: The target, with its accounts logged in.
        startup: How its server is started again; None where the suite does not start it by a command.
        control: Control of its server; None where the suite does not start it.
    """

    target: Target
    startup: ServerStartup | None = None
    control: ServerControl | None = None


@contextlib.contextmanager
def open_target(
    options: RunOptions, log_folder: Path | None = None, run_id: str = "", *, protects: bool = True
) -> Iterator[OpenTarget]:
    """Reach a target and log in; start its server before, and stop it afterwards, where the options say so.

    Args:
        options: Options of the run.
        log_folder: Folder for the log of the server, None for a temporary one.
        run_id: Part of the names of resources for probes.
        protects: Whether what is on the target now is never deleted.

    Raises:
        TargetDown, TargetRejectedConfiguration, ValueError: See :func:`connect` and :meth:`ServerStartup.start`.
        MachineShortage: If this machine lacks what the suite or the server needs.
    """
    with handle_signals(), contextlib.ExitStack() as stack:
        require_descriptors(options.target.max_connections or 0)
        machine = ServerMachine(() if log_folder is None else (log_folder,))
        startup = None
        control: ServerControl | None = None
        if options.reference:
            backend = stack.enter_context(ReferenceBackend(options.target))
            target = connect(backend.options)
            control = ServerControl(backend, partial(_restart_reference, backend, target))
        elif options.server:
            folder = log_folder or stack.enter_context(temporary_folder("hanami-server-"))
            server = ServerProcess(options.server, folder / SERVER_LOG)
            stack.callback(server.close)
            startup = ServerStartup(server, options.target, options.server_timeout, run_id)
            target = startup.start()
            control = ServerControl(server, partial(startup.restart, target))
        else:
            target = connect(options.target)
        target.server = control
        if control is not None:
            target.machine_shortage = machine.shortage
        if protects:
            protect_existing(target, run_prefix(run_id))
        watch_sockets(target, run_id, restartable=startup is not None)
        target.close_connections()
        yield OpenTarget(target, startup, control)


def _restart_reference(backend: ReferenceBackend, target: Target) -> None:
    backend.restart()
    PREPARATIONS.forget_failures()
    target.expired_token = backend.options.expired_token
    SECRETS.add(target.expired_token, "expired token")
    for account in target.accounts:
        target.renew(account)


@contextlib.contextmanager
def temporary_target(options: RunOptions, *, protects: bool = True) -> Iterator[Target]:
    """Reach a target for one command, and report what could not be deleted there at the end.

    Args:
        options: Options of the command.
        protects: Whether what is on the target now is never deleted.

    Raises:
        TargetDown, TargetRejectedConfiguration, ValueError: See :func:`open_target`.
    """
    SECRETS.clear()
    with open_target(options, protects=protects) as opened:
        try:
            yield opened.target
        finally:
            opened.target.close_connections()
            for left in opened.target.teardown():
                sys.stdout.write(SECRETS.text(f"left over on the target: {left}") + "\n")
