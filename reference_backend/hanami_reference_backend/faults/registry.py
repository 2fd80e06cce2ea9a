"""The catalogue of faults."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import Any, TypeVar

from hanami_proto.command_line import suggestion

MODULES = (
    *("attach", "first_messages", "init", "data", "acknowledgements", "attach_sockets", "progress", "finalize"),
    *("dataset_content", "reading_back", "unusual_encodings", "combinations", "delete", "mode", "direct_io"),
    *("direct_io_values", "direct_io_outputs", "direct_io_cycles", "direct_io_errors", "misbehaving_clients"),
    *("general", "texts", "comparisons", "overlap", "history", "pauses", "large_counts", "open_cycles"),
    *("interruptions", "cluster_names"),
)
_declared: dict[str, Fault] = {}

Function = TypeVar("Function", bound=Callable[..., Any])


class UnknownFaultError(ValueError):
    """An unknown name of a fault; the message suggests a similar one."""


@dataclass(frozen=True)
class Fault:
    """A deviation from the protocol that can be injected into the server.

    Attributes:
        name: Value of ``--fault``.
        violates: Ids of the violated requirements, the main one first.
        text: Behaviour of the server, one line.
        activate: Injects the fault into the servers that this process starts from now on.
    """

    name: str
    violates: tuple[str, ...]
    text: str
    activate: Callable[[], object]


def fault(*violates: str, hook: Callable[[Any], object] | None = None) -> Callable[[Function], Function]:
    """Declare a function as a fault, with its name in dashes and its one-line docstring as text.

    Args:
        violates: Ids of the violated requirements, the main one first.
        hook: Decorator that makes the server call the function, such as :func:`replace_method`; it is applied when the
            fault is activated. Without a hook the function itself activates the fault.
    """

    def declare(function: Function) -> Function:
        one = described(function, violates, hook, _declared)
        _declared[one.name] = one
        return function

    return declare


def described(
    function: Function, violates: tuple[str, ...], hook: Callable[[Any], object] | None, others: Container[str]
) -> Fault:
    """Return the fault that a function describes, as of :func:`fault`; its name must not be one of the others."""
    name = function.__name__.replace("_", "-")
    text = (inspect.getdoc(function) or "").rstrip(".")
    if not violates or not text or "\n" in text or name in others:
        raise ValueError(f"{name} needs a requirement, one line of text, and a unique name")
    return Fault(name, violates, text, function if hook is None else partial(hook, function))


@cache
def catalogue() -> Mapping[str, Fault]:
    """Return all faults by name, in the order of the protocol."""
    for module in MODULES:
        importlib.import_module(f"hanami_reference_backend.faults.{module}")
    return MappingProxyType(_declared)


def select_faults(names: Iterable[str]) -> tuple[Fault, ...]:
    """Return the faults of these names, without repetitions.

    Raises:
        UnknownFaultError: If a name is unknown.
    """
    faults = []
    for name in dict.fromkeys(names):
        if name not in catalogue():
            raise UnknownFaultError(f"no fault {name!r}{suggestion(name, catalogue())}")
        faults.append(catalogue()[name])
    return tuple(faults)
