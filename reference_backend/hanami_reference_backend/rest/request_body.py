"""Body and query of a request."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request

from hanami_reference_backend.common.errors import RequestError, bad_request, too_large
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.common.strict_json import JsonError, parse_object

# A body over the limit is read and discarded up to this many times the limit, so that a client that sends everything
# before it reads still gets the response.
PATIENCE = 16


async def read_body(request: Request, settings: Settings) -> dict[str, Any]:
    """Return the JSON object in the body, whatever its content type (GEN-1).

    Raises:
        RequestError: 400 if the body is not a JSON object, 413 if it is too long, 408 if it does not arrive.
    """
    try:
        async with asyncio.timeout(settings.body_timeout):
            content = await _collect(request, settings.max_body)
    except TimeoutError as error:
        reason = f"the body did not arrive within {settings.body_timeout:g} seconds"
        raise RequestError(HTTPStatus.REQUEST_TIMEOUT, reason, close=True) from error
    except ClientDisconnect as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, "the body is not complete", close=True) from error
    try:
        return parse_object(content)
    except JsonError as error:
        raise bad_request(f"the body is invalid: {error}") from error


async def _collect(request: Request, limit: int) -> bytes:
    content = bytearray()
    length = 0
    reason = f"the body is longer than {limit} bytes"
    async for part in request.stream():
        length += len(part)
        if length <= limit:
            content += part
        elif length > PATIENCE * limit:
            raise too_large(reason, close=True)
    if length > limit:
        raise too_large(reason)
    return bytes(content)


def read_query(request: Request) -> dict[str, Any]:
    """Return the query parameters.

    Raises:
        RequestError: 400, if a parameter is repeated.
    """
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in values:
            raise bad_request(f"query parameter {name!r} appears twice")
        values[name] = value
    return values
