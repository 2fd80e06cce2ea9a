"""The strategies of contents draw tables and images that are right, unusual and wrong in every way."""

from __future__ import annotations

from functools import partial

import pytest

from hanami_conformance.cases.step import Step
from hanami_conformance.models.dataset import IMAGES_MAGIC, LABELS_MAGIC
from hanami_conformance.stateful.executors import dataset_contents as content_executor
from hanami_conformance.stateful.strategies import dataset_contents
from support.draws import draws, has, sample

INVALID_IMAGES = dataset_contents.images(invalid=True)


def test_plain_tables_have_only_values_that_every_server_accepts() -> None:
    tables = sample(dataset_contents.legible_tables(plain=True), 200, at_once=1)
    assert all(
        content_executor.is_regular(table.text_list_argument("names"), table.text_rows_argument("rows"))
        for table in tables
    )
    assert {(table.int_argument("crlf"), table.int_argument("end")) for table in tables} == {(0, 1)}
    assert min(len(table.text_list_argument("names")) for table in tables) == 1
    assert max(len(table.text_list_argument("names")) for table in tables) > 30
    cells = {cell for table in tables for row in table.text_rows_argument("rows") for cell in row}
    for part in ("-", "."):
        assert any(part in cell for cell in cells), part


def test_legible_tables_have_but_one_reading_and_come_in_all_layouts() -> None:
    tables = sample(dataset_contents.legible_tables(plain=False), 200, at_once=1)
    assert all(
        content_executor.is_legible(table.text_list_argument("names"), table.text_rows_argument("rows"))
        for table in tables
    )
    assert {(table.int_argument("crlf"), table.int_argument("end")) for table in tables} == {
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    }
    cells = {cell for table in tables for row in table.text_rows_argument("rows") for cell in row}
    for part in ("-", "+", ".", "e", "E"):
        assert any(part in cell for cell in cells), part


@pytest.mark.parametrize("cell", dataset_contents.UNUSUAL_CELLS)
def test_tables_have_every_unusual_cell(cell: str) -> None:
    assert draws(dataset_contents.unusual_tables, has("table", rows=lambda rows: any(cell in row for row in rows)))


@pytest.mark.parametrize("name", dataset_contents.UNUSUAL_NAMES)
def test_tables_have_every_unusual_name(name: str) -> None:
    assert draws(dataset_contents.unusual_tables, has("table", names=lambda names: name in names))


def test_tables_are_without_columns_without_rows_ragged_and_with_a_name_twice() -> None:
    assert draws(dataset_contents.unusual_tables, has("table", names=[]))
    assert draws(dataset_contents.unusual_tables, has("table", rows=[], names=lambda names: names))
    assert draws(dataset_contents.unusual_tables, has("table", rows=lambda rows: len({len(row) for row in rows}) > 1))
    assert draws(dataset_contents.unusual_tables, has("table", names=lambda names: len(set(names)) < len(names)))


def claims(step: Step) -> dict[str, bool]:
    """Which headers of images say something else than what follows."""
    wrong = {name: step.arguments[f"claimed_{name}"] != step.arguments[name] for name in dataset_contents.CLAIMS}
    wrong["truncated_to"] = step.arguments["truncated_to"] != 0
    wrong["images_magic"] = step.arguments["images_magic"] != IMAGES_MAGIC
    wrong["labels_magic"] = step.arguments["labels_magic"] != LABELS_MAGIC
    wrong["count of labels"] = step.arguments["labels"] != step.arguments["count"]
    wrong["eleventh class"] = step.arguments["largest"] > 9
    return wrong


def test_valid_images_have_matching_headers() -> None:
    drawn = sample(dataset_contents.images(invalid=False), at_once=1)
    assert not any(any(claims(step).values()) for step in drawn)
    assert {step.arguments["count"] for step in drawn} >= {1, 12, 100, 255}


@pytest.mark.parametrize(
    "wrong", [*dataset_contents.CLAIMS, "truncated_to", "images_magic", "labels_magic", "count of labels"]
)
def test_images_are_wrong_in_every_way(wrong: str) -> None:
    assert draws(INVALID_IMAGES, lambda step: claims(step)[wrong])


@pytest.mark.parametrize("name", dataset_contents.CLAIMS)
def test_headers_of_images_promise_less_more_nothing_and_far_too_much(name: str) -> None:
    claimed = f"claimed_{name}"
    for number in (0, 2**31, 2**32 - 1):
        assert draws(INVALID_IMAGES, has("images", **{claimed: number})), number
    for by in (-1, 1, 2):
        assert draws(INVALID_IMAGES, partial(is_claimed_too_much, name=name, by=by)), by


def is_claimed_too_much(step: Step, name: str, by: int) -> bool:
    return step.int_argument(f"claimed_{name}") - step.int_argument(name) == by


def test_labels_of_an_eleventh_class_are_drawn_where_images_may_be_wrong() -> None:
    assert draws(INVALID_IMAGES, lambda step: step.arguments["largest"] == 10)
    assert draws(INVALID_IMAGES, lambda step: step.arguments["largest"] == 255)
