"""Give a server the quirks of a profile."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.quirks import http, sockets
from hanami_reference_backend.quirks.profile import Quirks
from hanami_reference_backend.serving import app

_PATCHES = (
    *(http.answer_unknown_paths, sockets.answer_in_json, sockets.keep_rejected_sockets_open),
    *(
        sockets.answer_with_placeholders,
        sockets.leave_requests_open,
        sockets.slow_down_messages,
        sockets.slow_down_tables,
    ),
)
# From the inside out: what is closed is every answer, also that of a server which is not ready; a call keeps its worker
# while it is delayed.
_MIDDLEWARE = (http.slow_down_calls, http.fail_until_ready, http.serve_by_four, http.close_after_each_answer)


def activate(quirks: Quirks) -> None:
    """Make the servers that this process starts from now on have these quirks."""
    for patch in _PATCHES:
        patch(quirks)
    middleware = [make(quirks) for make in _MIDDLEWARE]

    @replace_method(app, "build_app")
    def build_app(original: Any, backend: Any) -> ASGIApp:
        application: ASGIApp = original(backend)
        for wrap in middleware:
            application = wrap(application)
        return application
