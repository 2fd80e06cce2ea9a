"""REST operations, and the order in which every request is checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hanami_proto.dialect import Route
from hanami_reference_backend.auth import InvalidTokenError, User, Users
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import unauthorized
from hanami_reference_backend.rest.field_rules import Schema
from hanami_reference_backend.rest.fields import Fields, check, request_schema
from hanami_reference_backend.rest.request_body import read_body, read_query

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
SECURITY_SCHEME = "token"
NOT_FOUND, CONFLICT = HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT
# Errors of every operation, and of every operation with a body.
COMMON_ERRORS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
)
BODY_ERRORS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
REASONS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "A field is missing, unknown or invalid, or the content of a file or a template is",
    HTTPStatus.UNAUTHORIZED: "There is no valid token, or no user with that id and password",
    HTTPStatus.FORBIDDEN: "The request names another host, or comes from a page of others",
    HTTPStatus.NOT_FOUND: "The project of the user has no such dataset, file, column or cluster",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time",
    HTTPStatus.CONFLICT: "The state of the resource, a limit of the project or a name in use does not allow it",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long",
    HTTPStatus.TOO_MANY_REQUESTS: "There were too many wrong logins",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too many or too long",
}
ERROR_CONTENT = {"text/plain": {"schema": {"type": "string", "description": "The reason, in one line"}}}
WITH_QUERY = frozenset({"GET", "DELETE"})

OperationResult = Mapping[str, object] | Response


@dataclass(frozen=True)
class Operation:
    """A REST operation.

    Attributes:
        summary: One line for the API page.
        fields: Fields of the body or the query.
        handle: Handler, called with the user and the fields; an open operation gets the address of the client in place
            of the user.
        answer: Schema of the answer, for the API page.
        errors: Statuses of its own errors, in addition to those that every operation has.
        links: Operations that go on with the answer, each with the values of its fields.
        is_open: Whether the operation needs no token.
    """

    summary: str
    fields: type[Fields]
    handle: Callable[[Any, Any], Awaitable[OperationResult]]
    answer: Schema
    errors: tuple[HTTPStatus, ...] = ()
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
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


def client_address(request: Request) -> str:
    """Return the address of the client of a request, without its port."""
    return request.client.host if request.client else ""


def add_operation(app: FastAPI, backend: Backend, name: str, route: Route, operation: Operation) -> None:
    """Add the route of an operation to the application."""

    async def endpoint(request: Request) -> Response:
        # The router has checked path and method. Then come the token and the fields; the operation itself checks that
        # the resource exists and is in the right state.
        user = client_address(request) if operation.is_open else caller(request, backend.users)
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
        openapi_extra=describe(route, operation, backend),
    )


def describe(route: Route, operation: Operation, backend: Backend) -> dict[str, Any]:
    """Return the description of an operation for the API page.

    The framework cannot derive it from the endpoint, which reads the request on its own.
    """
    schema = request_schema(operation.fields, backend.dialect, backend.settings)
    has_query = route.method in WITH_QUERY
    errors = sorted({*COMMON_ERRORS, *operation.errors, *(() if has_query else BODY_ERRORS)})
    result: dict[str, Any] = {} if operation.is_open else {"security": [{SECURITY_SCHEME: []}]}
    if has_query:
        required = schema.get("required", [])
        result["parameters"] = [
            {"name": name, "in": "query", "required": name in required, "schema": part}
            for name, part in schema.get("properties", {}).items()
        ]
    else:
        result["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    links = {
        name: {"operationId": name, "parameters" if following.method in WITH_QUERY else "requestBody": values}
        for name, values in operation.links.items()
        if (following := backend.dialect.routes.get(name))
    }
    done = {"description": "Done", "content": {"application/json": {"schema": operation.answer}}}
    result["responses"] = {
        "200": {**done, "links": links} if links else done,
        **{str(int(status)): {"description": REASONS[status], "content": ERROR_CONTENT} for status in errors},
    }
    return result
