"""Faults of what is asked for of a dataset: its rows, its columns by their names, its numbers, its row of the list."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import not_found
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import ContentQuery
from hanami_reference_backend.storage import datasets
from hanami_reference_backend.storage.dataset_content import Content, PlainColumn
from hanami_reference_backend.storage.datasets import Dataset

BLOCK = 64  # columns
MARK = b"\xef\xbb\xbf"  # in UTF-8


@fault("FIN-1", hook=internals.change_response(DatasetOperations, "list_all"))
def listed_names_in_alphabetical_order(answer: dict[str, Any]) -> dict[str, Any]:
    """The list of datasets has its names in alphabetical order, beside uuids in the order of creation."""
    place = list(answer["header"]).index("name")
    names = sorted(row[place] for row in answer["body"])
    rows = [[*row[:place], name, *row[place + 1 :]] for row, name in zip(answer["body"], names, strict=True)]
    return {**answer, "body": rows}


@fault("FIN-2")
def rows_kept_by_their_first_one() -> None:
    """A request for rows gets as many as the first request that began with the same row."""
    counts: dict[tuple[str, str, int], int] = {}

    @replace_method(DatasetOperations, "content")
    async def content(original: Any, operations: DatasetOperations, user: User, fields: ContentQuery) -> Any:
        key = fields.uuid, fields.column_name, fields.row_offset
        count = counts.setdefault(key, fields.number_of_rows)
        return await original(operations, user, fields.model_copy(update={"number_of_rows": count}))


@fault("FIN-2", hook=replace_method(DatasetOperations, "content"))
async def names_of_columns_not_decoded(
    original: Any, operations: DatasetOperations, user: User, fields: ContentQuery
) -> Any:
    """The query for the content of a column is not decoded, so that no column is found whose name needs that."""
    if not re.fullmatch(r"[A-Za-z0-9_.~-]*", fields.column_name):
        raise not_found("the dataset has no such column")
    return await original(operations, user, fields)


@fault("FIN-2", hook=replace_method(datasets, "parse_csv"))
def every_64th_column_repeated(original: Any, file: NDArray[np.uint8]) -> Content:
    """In a table of more than 64 columns each 64th one has the values of the one before it."""
    content: Content = original(file)
    columns: list[Any] = list(content.columns)
    for index in range(BLOCK - 1, len(columns) - 1, BLOCK):
        columns[index] = PlainColumn(columns[index].name, columns[index - 1].values)
    return replace(content, columns=columns)


@fault("FIN-6", "FIN-2", hook=replace_method(datasets, "parse_csv"))
def first_column_lost_behind_a_byte_order_mark(original: Any, file: NDArray[np.uint8]) -> Content:
    """Of a table that begins with a byte order mark the first column is lost."""
    content: Content = original(file)
    if file[: len(MARK)].tobytes() != MARK:
        return content
    return replace(content, columns=content.columns[1:], inputs=content.inputs - 1)


@fault("FIN-1", hook=replace_method(DatasetOperations, "measures"))
def inputs_and_outputs_of_images_swapped(
    original: Any, operations: DatasetOperations, dataset: Dataset
) -> dict[str, object]:
    """The description of a dataset of images has the number of its inputs as that of its outputs."""
    measures: dict[str, object] = dict(original(operations, dataset))
    if dataset.content.outputs and "inputs" in measures:
        measures["inputs"], measures["outputs"] = measures["outputs"], measures["inputs"]
    return measures


@fault("FIN-1")
def ranges_of_pixels_and_labels_swapped() -> None:
    """The description of a dataset of images has the range of the labels under the name of the pixels."""

    @replace_method(DatasetOperations, "get")
    async def get(original: Any, *arguments: Any) -> Any:
        answer = await original(*arguments)
        named = answer.get("description") if isinstance(answer, dict) else None
        if isinstance(named, dict) and "picture" in named and "label" in named:
            swapped = {**named, "picture": named["label"], "label": named["picture"]}
            return {**answer, "description": swapped}
        return answer
