"""Faults of texts and templates that a server misreads (GEN-1, ATT-4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from starlette.requests import Request

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.internals import change_response, internal_error, is_utf_8
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.rest.fields import ClusterCreate
from hanami_reference_backend.rest.operation import TOKEN_HEADER
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel

CONDITION = re.compile(r"' OR '1'='1$")
LONGEST = 50_000  # characters
LONGEST_HEAD = 8 * 1024  # bytes of the path with the query, and of the token

Values = dict[str, Any]


def _fail_at(fails: Callable[[Any, Values], bool]) -> None:
    @replace_method(operation, "check")
    def check(original: Any, model: Any, values: Values, dialect: Any) -> Any:
        if fails(model, values):
            raise internal_error()
        return original(model, values, dialect)


@fault("GEN-1")
def quotes_get_500() -> None:
    """A field with a quote in its text is answered with 500."""
    _fail_at(lambda _model, values: any(isinstance(value, str) and "'" in value for value in values.values()))


@fault("GEN-1", "INIT-5")
def long_texts_get_500() -> None:
    """A field with a text of more than 50 000 characters is answered with 500."""
    _fail_at(lambda _model, values: any(isinstance(value, str) and len(value) > LONGEST for value in values.values()))


@fault("GEN-1", "INIT-5", "FIN-4", "MODE-2", "PROG-4")
def missing_fields_get_500() -> None:
    """A request without one of its fields is answered with 500."""
    _fail_at(lambda model, values: any(name not in values for name in model.model_fields))


def _look_at(look: Callable[[bytes, bytes], None]) -> None:
    """Look at the query and the token of each request that has a token."""

    @replace_method(operation, "caller")
    def caller(original: Any, request: Request, users: Any) -> User:
        token = request.headers.get(TOKEN_HEADER, "").encode("latin-1")
        look(unquote_to_bytes(request.scope["query_string"]), token)
        user: User = original(request, users)
        return user


@fault("GEN-1")
def tokens_outside_utf_8_get_500() -> None:
    """A token with bytes that are not UTF-8 is answered with 500."""

    def look(_query: bytes, token: bytes) -> None:
        if not is_utf_8(token):
            raise internal_error()

    _look_at(look)


@fault("GEN-1")
def queries_outside_utf_8_get_500() -> None:
    """A query with encoded bytes that are not UTF-8 is answered with 500."""

    def look(query: bytes, _token: bytes) -> None:
        if not is_utf_8(query):
            raise internal_error()

    _look_at(look)


@fault("GEN-1")
def long_heads_get_500() -> None:
    """A request with a query or a token of more than 8 KiB is answered with 500."""

    def look(query: bytes, token: bytes) -> None:
        if len(query) + len(token) > LONGEST_HEAD:
            raise internal_error()

    _look_at(look)


@fault("ATT-4", hook=replace_method(SocketServer, "open_cluster"))
def conditions_open_any_cluster(original: Any, sockets: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
    """A first message with a condition of a query as uuid is accepted for some cluster of the user."""
    if isinstance(uuid, str) and CONDITION.search(uuid):
        uuid = next((cluster.uuid for cluster in sockets._backend.clusters.clusters(user)), uuid)
    return original(sockets, channel, user, uuid)


def _literal(answer: Values) -> Values:
    words: dict[object, object] = {"true": True, "false": False, "null": None}
    return {key: words.get(str(value).lower(), value) if key == "name" else value for key, value in answer.items()}


@fault("INIT-2", hook=change_response(UploadOperations, "init_csv"))
def names_of_tables_become_literals(answer: Values) -> Values:
    """The name of a new table that looks like a literal, such as true, is answered as that literal."""
    return _literal(answer)


@fault("GEN-1", hook=change_response(ClusterOperations, "get"))
def names_of_clusters_become_literals(answer: Values) -> Values:
    """The name of a cluster that looks like a literal, such as true, is described as that literal."""
    return _literal(answer)


@fault("GEN-1", hook=replace_method(ClusterOperations, "build"))
def odd_sizes_get_500(original: Any, operations: ClusterOperations, encoded: str) -> Any:
    """A template with a number or a position that is not valid is answered with 500."""
    try:
        return original(operations, encoded)
    except RequestError as error:
        if "is not a whole number" in error.reason or "is not a position" in error.reason:
            raise internal_error() from error
        raise


@fault("GEN-1", hook=replace_method(ClusterOperations, "create"))
async def empty_templates_make_no_cluster(original: Any, operations: Any, user: User, fields: ClusterCreate) -> Any:
    """An empty template is answered with the uuid of a cluster that does not exist."""
    return await original(operations, user, fields) if fields.template else {"uuid": str(uuid4()), "name": fields.name}
