"""Operations on finalized datasets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from hanami_reference_backend.auth import User
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import bad_request, not_found
from hanami_reference_backend.rest.answers import describe_dataset
from hanami_reference_backend.rest.fields import ByUuid, ContentQuery, Nothing
from hanami_reference_backend.rest.operation import Operation, OperationResult
from hanami_reference_backend.storage.dataset_content import Column
from hanami_reference_backend.storage.datasets import Dataset
from hanami_reference_backend.storage.uploads import Upload

BLOCK = 4096  # values that are formatted at once; the server serves other clients between two blocks


class DatasetOperations:
    """``GET dataset``, ``GET dataset/all``, ``GET dataset/content``, ``DELETE dataset``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._datasets = backend.datasets

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names in the dialects."""
        return {
            "dataset.get": Operation("A finalized dataset", ByUuid, self.get),
            "dataset.list": Operation("All finalized datasets", Nothing, self.list_all),
            "dataset.content": Operation("Rows of a column of a dataset", ContentQuery, self.content),
            "dataset.delete": Operation("Delete a dataset or an upload", ByUuid, self.delete),
        }

    async def get(self, user: User, fields: ByUuid) -> OperationResult:
        """Return the description of a dataset (FIN-1)."""
        dataset = self._datasets.dataset(user, fields.uuid)
        keys = self._backend.dialect.answers["dataset.get"]
        return describe_dataset(dataset, dataset.kind.value, keys) | self.measures(dataset)

    async def list_all(self, user: User, _fields: Nothing) -> OperationResult:
        """Return a table of all finalized datasets of the project, oldest first."""
        header = self._backend.dialect.answers["dataset.list"]
        return {"header": header, "body": [self.row(dataset) for dataset in self._datasets.datasets(user)]}

    async def content(self, user: User, fields: ContentQuery) -> OperationResult:
        """Stream rows of a column (FIN-2); rows beyond the end are left out.

        Raises:
            RequestError: 400 for an invalid number of rows, 404 for an unknown dataset or column, 409 before finalize.
        """
        dialect = self._backend.dialect
        if not 1 <= fields.number_of_rows <= dialect.content_rows:
            raise bad_request(f"field 'number_of_rows': must be from 1 to {dialect.content_rows}")
        if fields.row_offset > dialect.content_offset:
            raise bad_request(f"field 'row_offset': must be from 0 to {dialect.content_offset}")
        column = self._datasets.dataset(user, fields.uuid).content.column(fields.column_name)
        if column is None:
            raise not_found(f"the dataset has no column {fields.column_name!r}")
        text = _data(column, fields.row_offset, fields.number_of_rows)
        return StreamingResponse(text, media_type="application/json")

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
        everything: dict[str, object] = {
            "inputs": content.inputs,
            "outputs": content.outputs,
            "lines": content.number_of_rows,
            "number_of_rows": content.number_of_rows,
            "number_of_columns": content.number_of_columns,
        }
        dialect = self._backend.dialect
        keys = {*dialect.rows_keys, *(key for group in dialect.columns_keys for key in group)}
        result = {key: value for key, value in everything.items() if key in keys}
        if dialect.has_content:
            result["description"] = content.description(*dialect.column_range)
        return result


async def _data(column: Column, offset: int, count: int) -> AsyncIterator[str]:
    rows_at_once = max(1, BLOCK // column.width)
    yield '{"data":['
    separator = ""
    end = offset + count
    for start in range(offset, end, rows_at_once):
        rows = column.rows(start, min(rows_at_once, end - start)).tolist()
        if not rows:
            break
        yield separator + json.dumps(rows)[1:-1]
        separator = ","
        await asyncio.sleep(0)
    yield "]}"
