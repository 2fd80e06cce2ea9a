"""REST operations, and the order in which every request is checked."""

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
    """A REST operation.

    Attributes:
        summary: One line for the API page.
        fields: Fields of the body or the query.
        handle: Handler, called with the user and the fields; the user is None for an open operation.
        is_open: Whether the operation needs no token.
    """

    summary: str
    fields: type[Fields]
    handle: Callable[[Any, Any], Awaitable[OperationResult]]
    is_open: bool = False


def caller(request: Request, users: Users) -> User:
    """Return the user who sent a request (INIT-6).

    Raises:
        RequestError: 401, if the header with the token is missing or repeated, or the token is not valid.
    """
    tokens = request.headers.getlist(TOKEN_HEADER)
    if len(tokens) != 1:
        raise unauthorized(f"one header {TOKEN_HEADER} with a token is needed")
    try:
        return users.user_from_token(tokens[0])
    except InvalidTokenError as error:
        raise unauthorized(str(error)) from error


def add_operation(app: FastAPI, backend: Backend, name: str, route: Route, operation: Operation) -> None:
    """Add the route of an operation to the application."""

    async def endpoint(request: Request) -> Response:
        # The router has checked path and method. Then come the token and the fields; the operation itself checks that
        # the resource exists and is in the right state.
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
    # The framework cannot derive the request from the endpoint, which reads it on its own.
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
