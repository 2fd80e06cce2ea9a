"""How a quirk is put around the whole application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp

from reference_backend import server
from reference_backend.faults.patch import instead


def around(wrap: Callable[[ASGIApp], ASGIApp]) -> None:
    """Serve through another application, which is given the honest one."""

    @instead(server, "build_app")
    def wrapped(honest: Any, backend: Any) -> ASGIApp:
        return wrap(honest(backend))
