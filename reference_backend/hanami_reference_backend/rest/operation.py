"""One REST operation, and the order in which every request is checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hanami_proto.dialect import Route
from hanami_reference_backend.auth import InvalidTokenError, User, Users
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import unauthorized
from hanami_reference_backend.rest.fields import Fields, check
from hanami_reference_backend.rest.request_body import read_body, read_query

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
SECURITY_SCHEME = "token"
WITH_QUERY = frozenset({"GET", "DELETE"})

OperationResult = Mapping[str, object] | Response


@dataclass(frozen=True)
class Operation:
    """What a route does.

    Attributes:
        summary: one line for the API page.
        fields: what the body or the query holds.
        handle: answers a user; gets None for the user when the operation is open to everybody.
        is_open: whether it needs no token.
    """

    summary: str
    fields: type[Fields]
    handle: Callable[[Any, Any], Awaitable[OperationResult]]
    is_open: bool = False


def caller(request: Request, users: Users) -> User:
    """Who asks (INIT-6).

    Raises:
        RequestError: 401 when the header with the token is missing, there twice, or proves nothing.
    """
    tokens = request.headers.getlist(TOKEN_HEADER)
    if len(tokens) != 1:
        raise unauthorized(f"one header {TOKEN_HEADER} with a token is needed")
    try:
        return users.of_token(tokens[0])
    except InvalidTokenError as error:
        raise unauthorized(str(error)) from error


def add_operation(app: FastAPI, backend: Backend, name: str, route: Route, operation: Operation) -> None:
    """Serve an operation at a route."""

    async def endpoint(request: Request) -> Response:
        # Path and method were checked by the router; then the token, the fields, and by the operation itself whether
        # the thing exists and is in the right state.
        user = None if operation.is_open else caller(request, backend.users)
        if route.method in WITH_QUERY:
            values = read_query(request)
        else:
            values = await read_body(request, backend.settings)
        answer = await operation.handle(user, check(operation.fields, values, backend.dialect))
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    app.add_api_route(
        route.path,
        endpoint,
        methods=[route.method],
        name=name,
        operation_id=name,
        summary=operation.summary,
        tags=[name.split(".", 1)[0]],
        openapi_extra=_description(route, operation),
    )


def _description(route: Route, operation: Operation) -> dict[str, Any]:
    """Return what the API page shows of the request, since the framework does not read it itself."""
    schema = operation.fields.model_json_schema()
    result: dict[str, Any] = {} if operation.is_open else {"security": [{SECURITY_SCHEME: []}]}
    if route.method in WITH_QUERY:
        required = schema.get("required", [])
        result["parameters"] = [
            {"name": field, "in": "query", "required": field in required, "schema": part}
            for field, part in schema.get("properties", {}).items()
        ]
    else:
        result["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return result
