"""Which faults there are."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

MODULES = (
    *("attach", "first_messages", "init", "data", "acknowledgements", "attach_sockets", "progress", "finalize"),
    *("dataset_content", "dataset_descriptions", "delete", "mode", "direct", "direct_io_outputs", "direct_io_cycles"),
    *("direct_io_errors", "silent_failures", "misbehaving_clients", "general"),
)
_found: dict[str, Fault] = {}


class UnknownFaultError(ValueError):
    """No fault has this name; the message says which have one like it."""


@dataclass(frozen=True)
class Fault:
    """A lie that a server can tell.

    Attributes:
        name: as ``--fault`` takes it.
        breaks: ids of the requirements that it breaks: the one that it is about, then those that cannot hold either.
        text: what the server does, one line.
        apply: makes the servers that this process starts from now on tell it.
    """

    name: str
    violates: tuple[str, ...]
    text: str
    apply: Callable[[], None]


def fault(*breaks: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Make a function a fault: its name with dashes, and its docstring, which is one line.

    Args:
        breaks: see :attr:`Fault.violates`.
    """

    def decorate(function: Callable[[], None]) -> Callable[[], None]:
        name = function.__name__.replace("_", "-")
        text = (inspect.getdoc(function) or "").rstrip(".")
        if not breaks or not text or "\n" in text or name in _found:
            raise ValueError(f"the fault {name} needs a requirement, one line of text, and a name of its own")
        _found[name] = Fault(name, breaks, text, function)
        return function

    return decorate


@cache
def catalogue() -> Mapping[str, Fault]:
    """All faults by their names, in the order of the protocol."""
    for module in MODULES:
        importlib.import_module(f"hanami_reference_backend.faults.{module}")
    return MappingProxyType(_found)


def chosen(names: Iterable[str]) -> tuple[Fault, ...]:
    """The faults of these names, each once.

    Raises:
        UnknownFaultError: there is none of such a name.
    """
    found = []
    for name in dict.fromkeys(names):
        if name not in catalogue():
            like = difflib.get_close_matches(name, catalogue(), n=1)
            raise UnknownFaultError(f"no fault {name!r}" + (f", did you mean {like[0]}?" if like else ""))
        found.append(catalogue()[name])
    return tuple(found)
