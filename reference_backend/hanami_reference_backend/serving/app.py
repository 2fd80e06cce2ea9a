"""ASGI application: REST on the routes of a dialect, and one websocket handler for every path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hanami_proto.asyncapi import asyncapi_document
from hanami_proto.dialect import Dialect
from hanami_reference_backend import __version__
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import RequestError, clean
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.operation import SECURITY_SCHEME, TOKEN_HEADER, Operation, add_operation
from hanami_reference_backend.rest.tokens import TokenOperations
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.sockets.attach import SocketServer

ASYNCAPI_PATH = "/asyncapi.json"


class Application:
    """REST and websocket on one port (ATT-1)."""

    def __init__(self, rest: ASGIApp, sockets: ASGIApp) -> None:
        self.rest = rest
        self.sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket (ASGI)."""
        await (self.sockets if scope["type"] == "websocket" else self.rest)(scope, receive, send)


def build_app(backend: Backend) -> Application:
    """Return the application that serves a backend."""
    return Application(build_rest(backend, operations(backend)), SocketServer(backend))


def operations(backend: Backend) -> dict[str, Operation]:
    """Return all operations of this server by their names in the dialects."""
    groups = (TokenOperations, UploadOperations, DatasetOperations, ClusterOperations)
    return {name: operation for group in groups for name, operation in group(backend).operations().items()}


def build_rest(backend: Backend, known: dict[str, Operation]) -> FastAPI:
    """Return the REST application with the routes of the dialect and plain-text errors.

    Raises:
        KeyError: If the dialect has an operation that is not among the known ones.
    """
    app: FastAPI = FastAPIOffline(
        title=f"Hanami reference backend ({backend.dialect.name})",
        version=__version__,
        description=f"The websocket on the same port is described in [AsyncAPI]({ASYNCAPI_PATH}).",
        redirect_slashes=False,
    )
    for name, route in backend.dialect.routes.items():
        add_operation(app, backend, name, route, known[name])
    _describe(app)
    app.add_route(ASYNCAPI_PATH, _describe_sockets(backend.dialect), include_in_schema=False)
    app.add_exception_handler(RequestError, _render_error)
    app.add_exception_handler(HTTPException, _router_error_handler(backend.dialect))
    return app


def _describe(app: FastAPI) -> None:
    """Make the API page ask for the token once, and send it with every request."""
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    scheme = {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}
    schema.setdefault("components", {})["securitySchemes"] = {SECURITY_SCHEME: scheme}
    app.openapi_schema = schema


def _describe_sockets(dialect: Dialect) -> Callable[[Request], Awaitable[Response]]:
    document = asyncapi_document(dialect, __version__)

    async def answer(_request: Request) -> Response:
        return JSONResponse(document)

    return answer


async def _render_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise TypeError("not an error of a request") from error
    headers = {"Connection": "close"} if error.close else {}
    return PlainTextResponse(error.reason, error.status, headers)


def _router_error_handler(dialect: Dialect):  # type: ignore[no-untyped-def]
    # Unknown paths and methods (GEN-1), in words of this server and not of its framework.
    methods: dict[str, list[str]] = {}
    for route in dialect.routes.values():
        methods.setdefault(route.path, []).append(route.method)

    async def answer(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise TypeError("not an error of the router") from error
        path, headers = request.scope["path"], dict(error.headers or {})
        allowed = ", ".join(sorted(methods.get(path, ())))
        reason = f"there is no path {path}"
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers |= {"Allow": allowed} if allowed else {}
            reason = f"{path} takes {allowed or headers.get('Allow', 'other methods')}, not {request.method}"
        return PlainTextResponse(clean(reason), error.status_code, headers)

    return answer
