"""Activation of the quirks of a profile."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.types import ASGIApp

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.quirks import http, sockets
from hanami_reference_backend.quirks.profile import Quirks
from hanami_reference_backend.serving import app

_PATCHES = (
    *(http.answer_unknown_paths, sockets.answer_in_json, sockets.keep_rejected_sockets_open),
    *(sockets.answer_with_placeholders, sockets.leave_requests_open),
    *(sockets.slow_down_messages, sockets.slow_down_tables),
)
# From the inside out: every response closes its connection, also that of a starting server, and a delayed call keeps
# its worker.
_MIDDLEWARE = (http.slow_down_calls, http.fail_until_ready, http.limit_workers, http.close_after_each_response)


def activate(quirks: Quirks) -> None:
    """Give these quirks to the servers that this process starts from now on."""
    for patch in _PATCHES:
        patch(quirks)

    @replace_method(app, "build_app")
    def build_app(original: Any, backend: Any) -> ASGIApp:
        application: ASGIApp = original(backend)
        for make_middleware in _MIDDLEWARE:
            application = partial(make_middleware(quirks), application)
        return application
