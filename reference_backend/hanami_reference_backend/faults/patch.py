"""How a lie takes the place of honest code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def instead(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of another.

    The new one is called with the honest one before all other arguments, so that it can call it, or not. Faults can be
    stacked: the honest one of the second is the lie of the first.

    Args:
        owner: class or module.
        name: of its method or function.
    """

    def decorate(lie: Callable[..., Any]) -> None:
        honest = getattr(owner, name)

        @functools.wraps(honest)
        def lying(*arguments: Any, **named: Any) -> Any:
            return lie(honest, *arguments, **named)

        setattr(owner, name, lying)

    return decorate
