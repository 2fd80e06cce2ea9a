"""Replacement of methods and functions of the server."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def replace_method(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace a method of a class, or a function of a module.

    The replacement is called with the original before all other arguments. Replacements stack: the original of the
    second is the first.

    Args:
        owner: Class or module that holds the original.
        name: Name of the original.
    """

    def decorate(replacement: Callable[..., Any]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def replaced(*arguments: Any, **named: Any) -> Any:
            return replacement(original, *arguments, **named)

        setattr(owner, name, replaced)

    return decorate
