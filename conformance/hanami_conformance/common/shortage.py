"""What this machine lacks: descriptors, local ports, memory, space on a disk, processes. No target is responsible."""

from __future__ import annotations

import errno
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

from hanami_reports.model.conformance import MACHINE_LACKS

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
Address = tuple[str, int]  # host and port


class MachineShortage(BaseException):
    """This machine lacks what a run needs; the message is one line that names it and the cure.

    It is no Exception: nothing that handles the failures of a target may take it for one.

    Attributes:
        lacking: What is lacking, and the cure.
    """

    def __init__(self, lacking: str) -> None:
        super().__init__(f"{MACHINE_LACKS}{lacking}")
        self.lacking = lacking


class CpuShortage(MachineShortage):
    """The processes of a run waited too long for a CPU, which other programs used; a while later it may be free."""


def shortage_in(error: BaseException | None, address: Address | None = None) -> str:
    """Return what this machine lacks if that caused an error, on one line with the cure; empty if it did not.

    Args:
        error: Error; what caused it is examined, too.
        address: Address that could not be reached, which may be one that needs no port but a network; None for none.
    """
    for cause in _causes(error):
        if isinstance(cause, MachineShortage):
            return cause.lacking
        if isinstance(cause, MemoryError):
            return _lacking(errno.ENOMEM)
        if isinstance(cause, OSError) and cause.errno == errno.EADDRNOTAVAIL:
            return _lacking(cause.errno) if address is None or _has_route(address) else ""
        if isinstance(cause, OSError) and (lacking := _lacking(cause.errno)):
            return lacking
    return ""


def is_port_shortage(error: BaseException, address: Address) -> bool:
    """Return whether an error means that no local port is free for a connection; one may be, a while later."""
    missing = any(isinstance(cause, OSError) and cause.errno == errno.EADDRNOTAVAIL for cause in _causes(error))
    return missing and _has_route(address)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _lacking(number: int | None) -> str:
    """Return what is lacking where the system gives this number of an error; empty if nothing is."""
    match number:
        case errno.EMFILE:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return f"no file descriptor is left of the {limit} that this process may have: raise the limit (ulimit -n)"
        case errno.ENFILE:
            return "no file descriptor is left in the system: raise its limit (sysctl fs.file-max)"
        case errno.EADDRNOTAVAIL:
            return no_port_left()
        case errno.ENOMEM | errno.ENOBUFS:
            return "no memory is left: end other programs, or raise the limit (ulimit -v, or that of the container)"
        case errno.ENOSPC | errno.EDQUOT:
            return "no space is left on a disk: delete files, or let TMPDIR and the folder of the reports be elsewhere"
    return ""


def no_port_left() -> str:
    """Return one line that says that this machine lacks local ports."""
    try:
        first, last = PORT_RANGE.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        known = ""
    else:
        known = f" of {first} to {last}"
    return f"no local port is left{known}: wait a minute, or widen net.ipv4.ip_local_port_range"


def _has_route(address: Address) -> bool:
    """Return whether this machine has an address of its own for connections to another one; nothing is sent."""
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, place in found:
        try:
            with socket.socket(family, kind, protocol) as datagrams:  # datagrams have ports of their own
                datagrams.connect(place)
                return True
        except OSError:
            continue
    return False
