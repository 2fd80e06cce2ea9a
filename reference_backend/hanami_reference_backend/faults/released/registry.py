"""The catalogue of the defects of released servers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from hanami_proto.command_line import suggestion
from hanami_reference_backend.faults.registry import Fault, Function, described

HANAMI = "hanami-0.4.1"
OPENHANAMI = "openhanami-0.5.0"
BOTH = (HANAMI, OPENHANAMI)
# The released servers, each with its dialect, which is also the name of its quirks.
SERVERS = MappingProxyType({HANAMI: "hanami-0.4", OPENHANAMI: "openhanami-0.5"})
MODULES = (
    *("requests", "first_messages", "cluster_sockets", "progress", "finalize", "csv_files", "idx_files"),
    *("datasets", "clusters", "cluster_messages", "cluster_outputs"),
)
_declared: dict[str, Defect] = {}


class UnknownDefectError(ValueError):
    """An unknown name of a defect; the message suggests a similar one."""


@dataclass(frozen=True)
class Defect(Fault):
    """A defect of released servers.

    Attributes:
        servers: Names of the servers that have it.
    """

    servers: tuple[str, ...] = BOTH


def defect(
    *violates: str, servers: Iterable[str] = BOTH, hook: Callable[[Any], object] | None = None
) -> Callable[[Function], Function]:
    """Declare a function as a defect, with its name in dashes and its one-line docstring as text.

    Args:
        violates: Ids of the violated requirements, the main one first.
        servers: Names of the servers that have the defect.
        hook: As of :func:`hanami_reference_backend.faults.registry.fault`.
    """

    def declare(function: Function) -> Function:
        one = described(function, violates, hook, _declared)
        _declared[one.name] = Defect(one.name, one.violates, one.text, one.activate, tuple(servers))
        return function

    return declare


@cache
def defects_of(server: str) -> Mapping[str, Defect]:
    """Return the defects of a released server by name, in the order of the protocol."""
    for module in MODULES:
        importlib.import_module(f"hanami_reference_backend.faults.released.{module}")
    return MappingProxyType({name: one for name, one in _declared.items() if server in one.servers})


def select_defects(server: str, names: Iterable[str]) -> tuple[Defect, ...]:
    """Return the defects of these names, without repetitions; all of the server if there is no name.

    Raises:
        UnknownDefectError: If the server has no defect of a name.
    """
    known = defects_of(server)
    wanted = tuple(dict.fromkeys(names)) or tuple(known)
    for name in wanted:
        if name not in known:
            raise UnknownDefectError(f"{server} has no defect {name!r}{suggestion(name, known)}")
    return tuple(known[name] for name in known if name in wanted)


def activate(server: str, defects: Iterable[Defect]) -> None:
    """Give the behaviour of a released server and some of its defects to the servers that this process starts."""
    # Late, since these modules patch the server, which a server without --as never loads.
    common = importlib.import_module("hanami_reference_backend.faults.released.common")
    workers = importlib.import_module("hanami_reference_backend.faults.released.workers")
    common.install(server)
    for one in defects:
        one.activate()
    workers.install()  # last: a request is looked at only once a worker serves its connection
