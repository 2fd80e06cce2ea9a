"""Faults of REST: its errors, and the separation of users (GEN-1, GEN-3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import User, Users
from hanami_reference_backend.common import errors
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults import earlier_starts, tokens
from hanami_reference_backend.faults.internals import internal_error
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import ByUuid, ContentQuery
from hanami_reference_backend.serving import app
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore
from hanami_reference_backend.storage.uploads import Kind


@fault("GEN-1", "MODE-2", "INIT-5", hook=replace_method(operation, "read_body"))
async def bad_json_gets_500(original: Any, *arguments: Any) -> Any:
    """A body that is not a JSON object is answered with 500."""
    try:
        return await original(*arguments)
    except RequestError as error:
        raise internal_error() from error


@fault("GEN-1", "INIT-5", hook=replace_method(operation, "check"))
def surrogates_in_keys_get_500(original: Any, model: Any, values: dict[str, Any], dialect: Dialect) -> Any:
    """A body with half a surrogate pair in a key, which the reason of the 4xx would repeat, is answered with 500."""
    try:
        "".join(values).encode()
    except UnicodeEncodeError as error:
        raise internal_error() from error
    return original(model, values, dialect)


@fault("FIN-1", "GEN-1", hook=replace_method(JSONResponse, "render"))
def lengths_counted_in_characters(original: Any, response: JSONResponse, content: Any) -> bytes:
    """An answer is as many bytes long as it has characters: one with letters beyond ASCII is cut."""
    body: bytes = original(response, content)
    return body[: len(body.decode())]


@fault("GEN-3", hook=replace_method(ClusterStore, "create"))
def cluster_names_unique_over_all_users(original: Any, store: ClusterStore, *arguments: Any) -> Any:
    """A cluster with the name of another user's cluster is rejected with 409."""
    if {cluster.name for cluster in store._clusters.values()} & {one for one in arguments if isinstance(one, str)}:
        raise errors.conflict("a cluster has this name already")
    return original(store, *arguments)


@fault("GEN-1", hook=replace_method(operation, "check"))
def invalid_offsets_get_500(original: Any, model: Any, values: dict[str, Any], dialect: Dialect) -> Any:
    """A request for rows of a dataset with an invalid offset is answered with 500."""
    if model is ContentQuery and not str(values.get("row_offset", "0")).isdecimal():
        raise internal_error()
    return original(model, values, dialect)


@fault("GEN-1", hook=replace_method(DatasetStore, "dataset"))
def unfinalized_datasets_get_500(original: Any, *arguments: Any) -> Dataset:
    """Description and content of an upload that is not finalized are answered with 500."""
    try:
        dataset: Dataset = original(*arguments)
    except RequestError as error:
        if error.status == HTTPStatus.CONFLICT:
            raise internal_error() from error
        raise
    return dataset


@fault("GEN-1")
def put_after_a_restart_gets_500() -> None:
    """The PUT of an upload that was begun before the server was restarted is answered with 500."""
    earlier_starts.mark_uuids()

    @replace_method(DatasetStore, "finalize")
    async def finalize(original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, *files: Any) -> Dataset:
        if earlier_starts.is_from_an_earlier_start(uuid):
            raise internal_error()
        dataset: Dataset = await original(store, user, kind, uuid, *files)
        return dataset


@fault("GEN-1")
def datasets_from_before_a_restart_get_500() -> None:
    """Description and content of a dataset from before the server was restarted are answered with 500."""
    earlier_starts.mark_uuids()

    @replace_method(DatasetStore, "dataset")
    def dataset(original: Any, store: DatasetStore, user: User, uuid: str) -> Dataset:
        if earlier_starts.is_from_an_earlier_start(uuid):
            raise internal_error()
        found: Dataset = original(store, user, uuid)
        return found


@fault("GEN-1")
def switch_after_a_restart_gets_500() -> None:
    """The mode switch of a cluster from before the server was restarted is answered with 500."""
    earlier_starts.mark_uuids()

    @replace_method(ClusterStore, "set_mode")
    def set_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Cluster:
        if earlier_starts.is_from_an_earlier_start(uuid):
            raise internal_error()
        switched: Cluster = original(store, user, uuid, mode)
        return switched


@fault("GEN-1", "PROG-4")
def bad_query_gets_500() -> None:
    """A query without a valid uuid is answered with 500."""
    _fail_at(lambda model, _values: model is ByUuid)


@fault("GEN-1", "MODE-2")
def numbers_for_texts_get_500() -> None:
    """A field with a number in place of a string is answered with 500."""
    _fail_at(lambda model, values: any(_is_number_for_text(model, name, value) for name, value in values.items()))


def _is_number_for_text(model: Any, name: str, value: object) -> bool:
    known = model.model_fields.get(name)
    return known is not None and known.annotation is str and isinstance(value, int | float)


def _fail_at(fails: Callable[[Any, dict[str, Any]], bool]) -> None:
    @replace_method(operation, "check")
    def check(original: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
        try:
            return original(model, values, dialect)
        except RequestError as error:
            if fails(model, values):
                raise internal_error() from error
            raise


@fault("GEN-1")
def unknown_paths_get_200() -> None:
    """An unknown path is answered with 200 and an empty object."""
    _answer_as_done(HTTPStatus.NOT_FOUND)


@fault("GEN-1")
def unknown_methods_get_200() -> None:
    """An unknown method of a path is answered with 200 and an empty object."""
    _answer_as_done(HTTPStatus.METHOD_NOT_ALLOWED)


def _answer_as_done(status: HTTPStatus) -> None:
    @replace_method(app, "_router_error_handler")
    def _router_error_handler(original: Any, dialect: Any) -> Any:
        handler = original(dialect)

        async def answer(request: Request, error: Exception) -> Response:
            response: Response = await handler(request, error)
            return JSONResponse({}) if response.status_code == status else response

        return answer


@fault("GEN-1", hook=replace_method(FastAPI, "__call__"))
async def anything_may_come_before_a_path(original: Any, app: FastAPI, scope: Any, *more: Any) -> None:
    """Anything before the path of an operation is ignored."""
    if scope["type"] == "http":
        scope["path"] = re.sub(r"^/.+?(?=/(control/)?v1)", "", scope["path"])
    await original(app, scope, *more)


@fault("GEN-1", hook=replace_method(ClusterStore, "create"))
def existing_names_get_500(original: Any, store: ClusterStore, user: User, name: str, *more: Any) -> Any:
    """A second cluster of the same name is answered with 500."""
    if any(cluster.name == name for cluster in store.clusters(user)):
        raise internal_error()
    return original(store, user, name, *more)


@fault("GEN-1")
def lists_need_no_token() -> None:
    """The datasets and clusters of the default user are listed without a token."""
    tokens.accept(("dataset.list", "cluster.list"), tokens.is_missing)


@fault("GEN-1", hook=replace_method(Users, "log_in"))
def any_password_will_do(_original: Any, users: Users, user_id: str, _password: str) -> User | None:
    """Any password is accepted."""
    return users._users.get(user_id)


@fault("GEN-1", hook=replace_method(Users, "log_in"))
def unknown_users_get_500(original: Any, users: Users, user_id: str, password: str) -> Any:
    """The login of an unknown user is answered with 500."""
    if user_id not in users._users:
        raise internal_error()
    return original(users, user_id, password)


@fault("GEN-3", hook=replace_method(DatasetStore, "datasets"))
def datasets_of_others_listed(_original: Any, store: DatasetStore, _user: User) -> list[Dataset]:
    """The list of datasets has those of all users."""
    return list(store._datasets.values())


@fault("GEN-3", hook=replace_method(ClusterStore, "clusters"))
def clusters_of_others_listed(_original: Any, store: ClusterStore, _user: User) -> list[Cluster]:
    """The list of clusters has those of all users."""
    return list(store._clusters.values())


@fault("GEN-3", hook=replace_method(ClusterStore, "clusters"))
def clusters_of_others_listed_in_direct_mode(original: Any, store: ClusterStore, user: User) -> list[Cluster]:
    """The list of clusters has those of other users that are in the direct mode."""
    others = [cluster for cluster in store._clusters.values() if cluster.project_id != user.project_id]
    return [*original(store, user), *(cluster for cluster in others if cluster.mode == "DIRECT")]


@fault("GEN-3", hook=replace_method(DatasetStore, "dataset"))
def datasets_of_others_readable(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
    """Any user who knows the uuid of a dataset may read and delete it."""
    return store._datasets.get(uuid) or original(store, user, uuid)


@fault("GEN-3", hook=replace_method(ClusterStore, "delete"))
def clusters_of_others_deletable(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
    """Any user who knows the uuid of a cluster may delete it."""
    cluster = store._clusters.get(uuid)
    original(store, User("owner", "", cluster.project_id) if cluster else user, uuid)


@fault("GEN-3")
def content_is_kept_for_everybody() -> None:
    """Rows of a column that were answered once are answered to every user, as long as the dataset exists."""
    kept: dict[tuple[str, str, int, int], User] = {}

    @replace_method(DatasetOperations, "content")
    async def content(original: Any, operations: DatasetOperations, user: User, fields: Any) -> Any:
        key = (fields.uuid, fields.column_name, fields.row_offset, fields.number_of_rows)
        answer = await original(operations, kept.get(key, user), fields)
        kept.setdefault(key, user)
        return answer


def _fail_where(condition: Callable[[Any], bool], status: HTTPStatus) -> None:
    """Answer the requests whose scope fulfils a condition with an error of the server."""

    @replace_method(app.Application, "__call__")
    async def call(original: Any, application: app.Application, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and condition(scope):
            await Response(status_code=status)(scope, receive, send)
        else:
            await original(application, scope, receive, send)


@fault("GEN-1")
def http_1_0_gets_505() -> None:
    """A request in HTTP/1.0 gets 505."""
    _fail_where(lambda scope: scope["http_version"] == "1.0", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)


@fault("GEN-1")
def head_and_options_get_500() -> None:
    """A HEAD or an OPTIONS gets 500 on every path."""
    _fail_where(lambda scope: scope["method"] in ("HEAD", "OPTIONS"), HTTPStatus.INTERNAL_SERVER_ERROR)


@fault("GEN-2", "GEN-3", hook=replace_method(DatasetStore, "_check_limits"))
def unfinished_uploads_share_one_limit(original: Any, store: DatasetStore, *arguments: Any) -> None:
    """The limit of unfinished uploads counts those of all users together."""
    original(store, *arguments)
    if len(store._uploads) >= store._settings.max_uploads:
        raise errors.conflict("there are too many unfinished uploads")
