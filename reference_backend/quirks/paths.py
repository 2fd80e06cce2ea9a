"""Unknown paths are answered as if it was the token that is wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reference_backend import app
from reference_backend.faults.patch import instead
from reference_backend.quirks.profile import Quirks


def answer_unknown_ones(quirks: Quirks) -> None:
    """Answer a path that no operation has with the status that this server has for it."""

    @instead(app, "_answer_of_router")
    def odd(honest: Any, *arguments: Any) -> Any:
        answer = honest(*arguments)

        async def answering(request: Request, error: Exception) -> Response:
            response: Response = await answer(request, error)
            if response.status_code == HTTPStatus.NOT_FOUND:
                response.status_code = quirks.unknown_path
            return response

        return answering
