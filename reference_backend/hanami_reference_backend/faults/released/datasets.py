"""Defects of datasets: reading them before they are finalized, and what is said of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import ABORT, connection_of, crash
from hanami_reference_backend.faults.released.finalize import internal_error
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import ByUuid, ContentQuery
from hanami_reference_backend.storage.datasets import Dataset
from hanami_reference_backend.storage.uploads import Kind

TRUTH_VALUES = {"true": True, "false": False}
INVALID_STATUS = b"HTTP/1.1 001 <unknown-status>\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@defect("GEN-1")
def datasets_before_finalize_get_500() -> None:
    """The description and the content of an upload that is not finalized are answered with 500."""
    for name in ("get", "content"):
        _fail_before_finalize(name)


def _fail_before_finalize(name: str) -> None:
    @replace_method(DatasetOperations, name)
    async def replaced(original: Any, *arguments: Any) -> Any:
        try:
            return await original(*arguments)
        except RequestError as error:
            if error.status == HTTPStatus.CONFLICT:
                raise internal_error() from error
            raise


@defect("GEN-2", "GEN-1", "DEL-1", servers=[HANAMI])
def unknown_datasets_crash() -> None:
    """The description of a dataset that does not exist, or does not any more, crashes the server."""

    @replace_method(DatasetOperations, "get")
    async def get(original: Any, operations: DatasetOperations, user: User, fields: ByUuid) -> Any:
        try:
            return await original(operations, user, fields)
        except RequestError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                crash("unknown-datasets-crash", ABORT)
            raise


@defect("INIT-1", "INIT-2", servers=[HANAMI], hook=replace_method(DatasetOperations, "row"))
def names_of_truth_values_listed_as_such(original: Any, *arguments: Any) -> list[object]:
    """A dataset with the name of a truth value is listed with that value in place of the text."""
    cells: list[object] = original(*arguments)
    return [TRUTH_VALUES.get(cell.lower(), cell) if isinstance(cell, str) else cell for cell in cells]


@defect("FIN-1", servers=[HANAMI])
def tables_have_no_columns() -> None:
    """The description of a table names 0 inputs and 0 outputs."""

    @replace_method(DatasetOperations, "measures")
    def measures(original: Any, operations: DatasetOperations, dataset: Dataset) -> dict[str, object]:
        result: dict[str, object] = original(operations, dataset)
        return {**result, "inputs": 0, "outputs": 0} if dataset.kind is Kind.CSV else result


@defect("GEN-1", servers=[OPENHANAMI])
def rows_beyond_the_end_get_status_001() -> None:
    """A request for rows beyond the end of a dataset is answered with the status 001."""

    @replace_method(DatasetOperations, "content")
    async def content(original: Any, operations: DatasetOperations, user: User, fields: ContentQuery) -> Any:
        answer = await original(operations, user, fields)
        rows = operations._datasets.dataset(user, fields.uuid).content.number_of_rows
        return _InvalidStatus() if fields.row_offset + fields.number_of_rows > rows else answer


class _InvalidStatus(Response):
    """A response with the status 001, which the server itself cannot send."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        connection = connection_of(scope)
        if connection is not None:
            connection.transport.write(INVALID_STATUS)
            connection.transport.close()
