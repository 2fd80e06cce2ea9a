"""What a request carries: its body or its query, as fields and nothing else."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request

from hanami_reference_backend.common.errors import RequestError, bad_request, too_large
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.common.strict_json import JsonError, parse_object

# A body over the limit is thrown away as it comes, so that a client that sends first and reads then gets its answer;
# up to this many times the limit.
PATIENCE = 16


async def read_body(request: Request, settings: Settings) -> dict[str, Any]:
    """Return the JSON object in the body, whatever content type it claims (GEN-1).

    Raises:
        RequestError: 400 when it is no JSON object, 413 when it is too long, 408 when it does not come.
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
        raise bad_request(f"the body is wrong: {error}") from error


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
        RequestError: 400 when one is there twice.
    """
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in values:
            raise bad_request(f"query parameter {name!r} appears twice")
        values[name] = value
    return values
