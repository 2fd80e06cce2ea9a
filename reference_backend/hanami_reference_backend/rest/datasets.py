"""Operations on finalized datasets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from starlette.responses import StreamingResponse

from hanami_reference_backend.auth import User
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import not_found
from hanami_reference_backend.rest.answer_schemas import (
    DATASET_VALUES,
    EMPTY,
    column_rows,
    measures,
    record,
    resource,
    table,
)
from hanami_reference_backend.rest.answers import describe_dataset, measure_keys
from hanami_reference_backend.rest.fields import ByUuid, ContentQuery, Nothing
from hanami_reference_backend.rest.operation import CONFLICT, NOT_FOUND, Operation, OperationResult
from hanami_reference_backend.storage.dataset_content import Column, Content
from hanami_reference_backend.storage.datasets import Dataset
from hanami_reference_backend.storage.uploads import Upload

BLOCK = 4096  # values or columns that are formatted at once; the server serves other clients between two blocks


class DatasetOperations:
    """``GET dataset``, ``GET dataset/all``, ``GET dataset/content``, ``DELETE dataset``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._datasets = backend.datasets

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names in the dialects."""
        dialect = self._backend.dialect
        described, listed = (
            resource(dialect.answers[name], DATASET_VALUES, dialect) for name in ("dataset.get", "dataset.list")
        )
        finalized = (NOT_FOUND, CONFLICT)
        return {
            "dataset.get": Operation(
                "A finalized dataset", ByUuid, self.get, record(described | measures(dialect)), finalized
            ),
            "dataset.list": Operation("All finalized datasets", Nothing, self.list_all, table(listed)),
            "dataset.content": Operation(
                "Rows of a column of a dataset", ContentQuery, self.content, column_rows(), finalized
            ),
            "dataset.delete": Operation("Delete a dataset or an upload", ByUuid, self.delete, EMPTY, (NOT_FOUND,)),
        }

    async def get(self, user: User, fields: ByUuid) -> OperationResult:
        """Return the description of a dataset (FIN-1), streamed if it has many columns."""
        dataset = self._datasets.dataset(user, fields.uuid)
        dialect = self._backend.dialect
        keys = dialect.answers["dataset.get"]
        answer = describe_dataset(dataset, dataset.kind.value, keys) | self.measures(dataset)
        if not dialect.has_content:
            return answer
        columns = _described(dataset.content, dialect.column_range)
        if len(dataset.content.columns) <= BLOCK:
            return answer | {"description": dict(columns)}
        begin = json.dumps(answer)[:-1] + ',"description":{'
        return StreamingResponse(_streamed(begin, _items(columns), "}}"), media_type="application/json")

    async def list_all(self, user: User, _fields: Nothing) -> OperationResult:
        """Return a table of all finalized datasets of the project, oldest first."""
        header = self._backend.dialect.answers["dataset.list"]
        return {"header": header, "body": [self.row(dataset) for dataset in self._datasets.datasets(user)]}

    async def content(self, user: User, fields: ContentQuery) -> OperationResult:
        """Stream rows of a column (FIN-2); rows beyond the end are left out.

        Raises:
            RequestError: 404 for an unknown dataset or column, 409 before finalize.
        """
        column = self._datasets.dataset(user, fields.uuid).content.column(fields.column_name)
        if column is None:
            raise not_found(f"the dataset has no column {fields.column_name!r}")
        rows = _rows(column, fields.row_offset, fields.number_of_rows)
        return StreamingResponse(_streamed('{"data":[', rows, "]}"), media_type="application/json")

    async def delete(self, user: User, fields: ByUuid) -> OperationResult:
        """Delete a dataset or an upload (DEL-1)."""
        self._datasets.delete(user, fields.uuid)
        return {}

    def row(self, dataset: Dataset | Upload) -> list[object]:
        """Return a dataset or an upload as a row of the list."""
        header = self._backend.dialect.answers["dataset.list"]
        return list(describe_dataset(dataset, dataset.kind.value, header).values())

    def measures(self, dataset: Dataset) -> dict[str, object]:
        """Return the numbers of rows and columns under the keys of the dialect."""
        content = dataset.content
        everything = {
            "inputs": content.inputs,
            "outputs": content.outputs,
            "lines": content.number_of_rows,
            "number_of_rows": content.number_of_rows,
            "number_of_columns": content.number_of_columns,
        }
        dialect = self._backend.dialect
        return {key: everything[key] for key in measure_keys(dialect)}


def _described(content: Content, keys: tuple[str, str]) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the name of each column, and its range under the keys of the dialect."""
    for name, start, end in content.ranges():
        yield name, dict(zip(keys, (start, end), strict=True))


async def _streamed(begin: str, blocks: Iterable[str], end: str) -> AsyncIterator[str]:
    """Yield a text in blocks, and let the server serve other clients between two of them."""
    yield begin
    for block in blocks:
        yield block
        await asyncio.sleep(0)
    yield end


def _items(values: Iterator[tuple[str, object]]) -> Iterator[str]:
    """Yield the JSON of the keys and values of an object, without its braces."""
    separator = ""
    while block := dict(islice(values, BLOCK)):
        yield separator + json.dumps(block)[1:-1]
        separator = ","


def _rows(column: Column, offset: int, count: int) -> Iterator[str]:
    """Yield the JSON of the rows of a column, without the brackets around all of them."""
    end = offset + count
    rows_at_once = BLOCK // column.width
    if not rows_at_once:
        yield from _long_rows(column, range(offset, end))
        return
    separator = ""
    for start in range(offset, end, rows_at_once):
        block = column.rows(start, min(rows_at_once, end - start)).tolist()
        if not block:
            return
        yield separator + json.dumps(block)[1:-1]
        separator = ","


def _long_rows(column: Column, numbers: range) -> Iterator[str]:
    """Yield the JSON of rows, each in parts."""
    for number in numbers:
        separator = "[" if number == numbers.start else ",["
        for start in range(0, column.width, BLOCK):
            rows = column.rows(number, 1, slice(start, start + BLOCK)).tolist()
            if not rows:
                return
            yield separator + json.dumps(rows[0])[1:-1]
            separator = ","
        yield "]"
