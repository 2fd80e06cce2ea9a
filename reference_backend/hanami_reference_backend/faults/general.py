"""Faults of REST: its errors, and who sees what (GEN-1, GEN-3)."""

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
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.fields import ByUuid, ContentQuery
from hanami_reference_backend.serving import app
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore


def _mistake() -> RequestError:
    return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, "the server made a mistake")


@fault("GEN-1", "MODE-2", "INIT-5")
def bad_json_gets_500() -> None:
    """A body that is no JSON object gets a 500."""

    @instead(operation, "read_body")
    async def lie(honest: Any, *arguments: Any) -> Any:
        try:
            return await honest(*arguments)
        except RequestError as error:
            raise _mistake() from error


@fault("GEN-1")
def places_in_the_content_get_500() -> None:
    """A question for rows of a dataset with an offset that is no number gets a 500."""

    @instead(operation, "check")
    def lie(honest: Any, model: Any, values: dict[str, Any], dialect: Dialect) -> Any:
        if model is ContentQuery and not str(values.get("row_offset", "0")).isdecimal():
            raise _mistake()
        return honest(model, values, dialect)


@fault("GEN-1", "PROG-4")
def bad_query_gets_500() -> None:
    """A query without a uuid, or with a text that is none, gets a 500."""
    _fail_at(lambda model, _values: model is ByUuid)


@fault("GEN-1", "MODE-2")
def numbers_for_texts_get_500() -> None:
    """A field that holds a number in place of a text gets a 500."""
    _fail_at(lambda model, values: any(_is_number_for_text(model, name, value) for name, value in values.items()))


def _is_number_for_text(model: Any, name: str, value: object) -> bool:
    known = model.model_fields.get(name)
    return known is not None and known.annotation is str and isinstance(value, int | float)


def _fail_at(wrong: Callable[[Any, dict[str, Any]], bool]) -> None:
    @instead(operation, "check")
    def lie(honest: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
        try:
            return honest(model, values, dialect)
        except RequestError as error:
            if wrong(model, values):
                raise _mistake() from error
            raise


@fault("GEN-1")
def unknown_paths_get_200() -> None:
    """A path that does not exist is answered by an empty object and 200."""
    _answer_as_done(HTTPStatus.NOT_FOUND)


@fault("GEN-1")
def unknown_methods_get_200() -> None:
    """A method that a path does not have is answered by an empty object and 200."""
    _answer_as_done(HTTPStatus.METHOD_NOT_ALLOWED)


def _answer_as_done(status: HTTPStatus) -> None:
    @instead(app, "_answer_of_router")
    def lie(honest: Any, dialect: Any) -> Any:
        right = honest(dialect)

        async def answer(request: Request, error: Exception) -> Response:
            response: Response = await right(request, error)
            return JSONResponse({}) if response.status_code == status else response

        return answer


@fault("GEN-1")
def anything_may_come_before_a_path() -> None:
    """What comes before the path of an operation is passed over."""

    @instead(FastAPI, "__call__")
    async def lie(honest: Any, self: FastAPI, scope: Any, *more: Any) -> None:
        if scope["type"] == "http":
            scope["path"] = re.sub(r"^/.+?(?=/(control/)?v1)", "", scope["path"])
        await honest(self, scope, *more)


@fault("GEN-1")
def taken_names_get_500() -> None:
    """A second cluster of one name is refused with 500."""

    @instead(ClusterStore, "create")
    def lie(honest: Any, self: ClusterStore, user: User, name: str, *more: Any) -> Any:
        if any(cluster.name == name for cluster in self.clusters(user)):
            raise _mistake()
        return honest(self, user, name, *more)


@fault("GEN-1")
def lists_need_no_token() -> None:
    """All datasets and clusters of the first user are listed without a token, too."""

    @instead(operation, "caller")
    def lie(honest: Any, request: Request, users: Users) -> Any:
        try:
            return honest(request, users)
        except RequestError:
            if request.url.path.endswith("/all"):
                return next(iter(users))
            raise


@fault("GEN-1")
def any_password_will_do() -> None:
    """Whoever knows the name of a user logs in as that user."""

    @instead(Users, "log_in")
    def lie(_honest: Any, self: Users, user_id: str, _password: str) -> User | None:
        return self._users.get(user_id)


@fault("GEN-1")
def unknown_users_get_500() -> None:
    """Who logs in as a user that does not exist gets a 500."""

    @instead(Users, "log_in")
    def lie(honest: Any, self: Users, user_id: str, password: str) -> Any:
        if user_id not in self._users:
            raise _mistake()
        return honest(self, user_id, password)


@fault("GEN-3")
def datasets_of_others_listed() -> None:
    """The list of datasets holds those of all users."""

    @instead(DatasetStore, "datasets")
    def lie(_honest: Any, self: DatasetStore, _user: User) -> list[Dataset]:
        return list(self._datasets.values())


@fault("GEN-3")
def clusters_of_others_listed() -> None:
    """The list of clusters holds those of all users."""

    @instead(ClusterStore, "clusters")
    def lie(_honest: Any, self: ClusterStore, _user: User) -> list[Cluster]:
        return list(self._clusters.values())


@fault("GEN-3")
def clusters_of_others_listed_in_direct_mode() -> None:
    """The list of clusters holds those of all users that are in the direct mode."""

    @instead(ClusterStore, "clusters")
    def lie(honest: Any, self: ClusterStore, user: User) -> list[Cluster]:
        others = [cluster for cluster in self._clusters.values() if cluster.project_id != user.project_id]
        return [*honest(self, user), *(cluster for cluster in others if cluster.mode == "DIRECT")]


@fault("GEN-3")
def datasets_of_others_readable() -> None:
    """Whoever knows the uuid of a dataset may read and delete it."""

    @instead(DatasetStore, "dataset")
    def lie(honest: Any, self: DatasetStore, user: User, uuid: str) -> Any:
        return self._datasets.get(uuid) or honest(self, user, uuid)


@fault("GEN-3")
def clusters_of_others_deletable() -> None:
    """Whoever knows the uuid of a cluster may delete it."""

    @instead(ClusterStore, "delete")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str) -> None:
        cluster = self._clusters.get(uuid)
        honest(self, User("owner", "", cluster.project_id) if cluster else user, uuid)
