"""Faults of the content of datasets (FIN-1, FIN-2, FIN-6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.storage import csv_parser, datasets, idx_parser
from hanami_reference_backend.storage.dataset_content import Content, ContentError, PlainColumn
from hanami_reference_backend.storage.datasets import Dataset, DatasetStore
from hanami_reference_backend.storage.uploads import Kind, Upload

Bytes = NDArray[np.uint8]
IMAGES_HEADER = 16  # bytes before the pixels
LABELS_HEADER = 8  # bytes before the labels
MOST = 1 << 26  # bytes by which a file is extended
FIRST_ROWS = 100
LONGEST_LINE = 1024  # bytes
BLOCK = 1 << 16  # bytes read at once


def _cells(read: Callable[[str], str]) -> None:
    """Change the text of each cell of a table."""

    @replace_method(csv_parser, "parse_cell")
    def parse_cell(original: Any, cell: str) -> Any:
        return original(read(cell.strip()))


def _numbers(change: Callable[[float], float]) -> None:
    """Change the number of each cell of a table."""

    @replace_method(csv_parser, "parse_cell")
    def parse_cell(original: Any, cell: str) -> Any:
        number = original(cell)
        return None if number is None else change(number)


def _tables(change: Callable[[bytes], bytes]) -> None:
    """Change the file of a table before it is parsed."""

    @replace_method(datasets, "parse_csv")
    def parse_csv(original: Any, file: Bytes) -> Any:
        return original(np.frombuffer(bytearray(change(file.tobytes())), dtype=np.uint8))


def _image_file(change: Callable[[Bytes], Bytes]) -> None:
    """Change an image file before it is parsed."""

    @replace_method(datasets, "parse_mnist")
    def parse_mnist(original: Any, images: Bytes, labels: Bytes) -> Any:
        return original(change(images), labels)


def _label_file(change: Callable[[Bytes], Bytes]) -> None:
    """Change a label file before it is parsed."""

    @replace_method(datasets, "parse_mnist")
    def parse_mnist(original: Any, images: Bytes, labels: Bytes) -> Any:
        return original(images, change(labels))


def _pixels(change: Callable[[Bytes], Bytes]) -> None:
    """Change pixels, shape (images, pixels), or labels, shape (labels,)."""

    @replace_method(idx_parser, "parse_images")
    def parse_images(original: Any, file: Bytes) -> Any:
        return change(original(file))


def _labels(change: Callable[[Bytes], Bytes]) -> None:
    @replace_method(idx_parser, "parse_labels")
    def parse_labels(original: Any, file: Bytes) -> Any:
        return change(original(file))


def _on_invalid_content(react: Callable[[ContentError, Kind], Content]) -> None:
    """Call a function for invalid content in place of rejecting it."""

    @replace_method(DatasetStore, "convert")
    def convert(original: Any, store: DatasetStore, kind: Kind, files: list[Bytes]) -> Any:
        try:
            return original(store, kind, files)
        except ContentError as error:
            return react(error, kind)


def _sizes(file: Bytes) -> list[int]:
    return [int.from_bytes(file[start : start + 4].tobytes(), "big") for start in (4, 8, 12)]


@fault("FIN-1", hook=internals.change_response(DatasetOperations, "list_all"))
def newest_dataset_not_listed(answer: dict[str, Any]) -> dict[str, Any]:
    """The list of datasets lacks the newest one."""
    return {**answer, "body": answer["body"][:-1]}


@fault("FIN-1", hook=internals.change_response(DatasetOperations, "list_all"))
def lists_end_after_128_datasets(answer: dict[str, Any]) -> dict[str, Any]:
    """The list of datasets has no more than 128 of them."""
    return {**answer, "body": answer["body"][:128]}


@fault("FIN-1", "FIN-2", hook=replace_method(DatasetStore, "_replace"))
def content_shared_by_name(original: Any, store: DatasetStore, upload: Upload, content: Content) -> Dataset:
    """All datasets of a name in a project have the content of the one that was finalized last."""
    dataset: Dataset = original(store, upload, content)
    for other in list(store._datasets.values()):
        if (other.name, other.project_id) == (dataset.name, dataset.project_id):
            store._datasets[other.uuid] = replace(other, content=content)
    return dataset


@fault("FIN-1", hook=replace_method(DatasetOperations, "measures"))
def header_counted_as_a_row(original: Any, operations: DatasetOperations, dataset: Dataset) -> dict[str, object]:
    """The header of a table counts as one of its rows."""
    measures: dict[str, Any] = dict(original(operations, dataset))
    more = 0 if dataset.content.outputs else 1
    return {key: value + more if key in ("lines", "number_of_rows") else value for key, value in measures.items()}


@fault("FIN-1", "FIN-2")
def last_line_without_newline_lost() -> None:
    """The last line of a table is lost if it does not end in a newline."""
    _tables(lambda text: text[: text.rfind(b"\n") + 1])


@fault("FIN-1", "FIN-2")
def tables_end_after_100_rows() -> None:
    """Rows of a table after the first hundred are lost."""
    _tables(lambda text: b"\n".join(text.split(b"\n")[: FIRST_ROWS + 1]) + b"\n")


@fault("FIN-1", "FIN-2", hook=replace_method(datasets, "parse_csv"))
def carriage_returns_end_lines_too(original: Any, file: Bytes) -> Any:
    """A row of zeros is added after each line that ends in CRLF."""
    content = original(file)
    if b"\r\n" not in file.tobytes():
        return content
    columns = [replace(column, values=_spread(column.values)) for column in content.columns]
    return replace(content, columns=columns, number_of_rows=2 * content.number_of_rows)


def _spread(values: NDArray[Any]) -> NDArray[Any]:
    spread = np.zeros((2 * len(values), *values.shape[1:]), dtype=values.dtype)
    spread[::2] = values
    return spread


@fault("FIN-2")
def minus_lost() -> None:
    """A number in a table loses its sign."""
    _numbers(abs)


@fault("FIN-2")
def capital_e_not_understood() -> None:
    """A number in a table ends before an exponent with a capital E."""
    _cells(lambda cell: cell.split("E")[0])


@fault("FIN-2")
def numbers_rounded() -> None:
    """A number in a table is rounded to six decimal places."""
    _numbers(lambda number: round(number, 6))


@fault("FIN-2", hook=replace_method(idx_parser, "parse_images"))
def transposes_images(original: Any, file: Bytes) -> Any:
    """The pixels of an image are transposed."""
    pixels = original(file)
    _, height, width = _sizes(file)
    return pixels.reshape(-1, height, width).swapaxes(1, 2).reshape(-1, height * width)


@fault("FIN-2")
def one_pixel_value_wrong() -> None:
    """Pixels of value 7 become 8."""
    _pixels(lambda pixels: np.where(pixels == 7, 8, pixels).astype(np.uint8))


@fault("FIN-2")
def labels_shifted() -> None:
    """Each image has the label of the image before it, the first that of the last."""
    _labels(lambda labels: np.roll(labels, 1))


@fault("FIN-2", "FIN-6")
def labels_from_ten_on_lost() -> None:
    """Labels of ten and more become 0."""
    _labels(lambda labels: np.where(labels < 10, labels, 0).astype(np.uint8))


@fault("FIN-2", hook=_image_file)
def bytes_at_the_edges_of_blocks_repeated(file: Bytes) -> Bytes:
    """The first byte of each block of 64 KiB of an image file is replaced by the byte before it."""
    read = file.copy()
    read[BLOCK::BLOCK] = file[BLOCK - 1 : -1 : BLOCK]
    return read


@fault("FIN-2", "FIN-1", hook=_tables)
def lines_at_the_edges_of_blocks_lost(file: bytes) -> bytes:
    """A table is read in blocks of 64 KiB, and the line that goes on in the next block is lost."""
    kept = []
    for start in range(0, len(file), BLOCK):
        block = file[start : start + BLOCK]
        if start > 0:
            block = block[block.find(b"\n") + 1 :]
        if start + BLOCK < len(file):
            block = block[: block.rfind(b"\n") + 1]
        kept.append(block)
    return b"".join(kept)


@fault("FIN-2", "FIN-6", hook=_tables)
def rows_of_other_lengths_move_later_cells(file: bytes) -> bytes:
    """The cells of a table fill its columns one after the other, wherever its lines end."""
    header, *lines = file.rstrip(b"\n").split(b"\n")
    width = header.count(b",") + 1
    cells = b",".join(lines).split(b",")
    size = len(lines) * width
    cells = (cells + [b"0"] * size)[:size]
    rows = (b",".join(cells[start : start + width]) for start in range(0, size, width))
    return b"\n".join((header, *rows)) + b"\n"


@fault("FIN-1", hook=_tables)
def long_lines_rejected(file: bytes) -> bytes:
    """A table with a line of more than 1024 bytes is rejected."""
    if max(map(len, file.split(b"\n"))) > LONGEST_LINE:
        raise ContentError("a line is too long")
    return file


@fault("FIN-2", "FIN-1")
def last_character_of_a_table_lost() -> None:
    """The last character of a table that does not end in a newline is lost."""
    _tables(lambda file: file if file.endswith(b"\n") else file[:-1])


@fault("FIN-2", hook=_tables)
def small_letters_in_names_of_columns(file: bytes) -> bytes:
    """Names of columns are converted to lower case."""
    head, newline, rest = file.partition(b"\n")
    return head.lower() + newline + rest


@fault("FIN-6", hook=_image_file)
def missing_pixels_are_black(file: Bytes) -> Bytes:
    """Pixels that the idx header promises and the file lacks are black."""
    count, height, width = _sizes(file)
    missing = count * height * width - (len(file) - IMAGES_HEADER)
    return np.concatenate([file, np.zeros(missing, dtype=np.uint8)]) if 0 < missing < MOST else file


@fault("FIN-6", hook=_label_file)
def missing_labels_are_zeros(file: Bytes) -> Bytes:
    """Labels that the idx header promises and the file lacks are zeros."""
    missing = int.from_bytes(file[4:8].tobytes(), "big") - (len(file) - LABELS_HEADER)
    return np.concatenate([file, np.zeros(missing, dtype=np.uint8)]) if 0 < missing < MOST else file


@fault("FIN-6", hook=_label_file)
def promised_labels_not_counted(file: Bytes) -> Bytes:
    """The number of labels follows from the size of the file, and that of the idx header is ignored."""
    if len(file) < LABELS_HEADER:
        return file
    head = np.frombuffer((len(file) - LABELS_HEADER).to_bytes(4, "big"), dtype=np.uint8)
    return np.concatenate([file[:4], head, file[8:]])


@fault("FIN-6")
def magic_numbers_ignored() -> None:
    """An idx file may begin with any four bytes."""

    def with_magic(magic: int) -> Callable[[Bytes], Bytes]:
        head = np.frombuffer(magic.to_bytes(4, "big"), dtype=np.uint8)
        return lambda file: np.concatenate([head, file[4:]])

    _image_file(with_magic(idx_parser.IMAGES_MAGIC))
    _label_file(with_magic(idx_parser.LABELS_MAGIC))


@fault("FIN-6", hook=_on_invalid_content)
def any_bytes_accepted_as_a_table(error: ContentError, kind: Kind) -> Content:
    """Bytes that are not a table become a table with a single cell."""
    if kind is not Kind.CSV:
        raise error
    return Content([PlainColumn("column", np.zeros((1, 1), dtype=np.float32))], 1, inputs=1, outputs=0)


@fault("FIN-6", hook=_on_invalid_content)
def empty_table_accepted(error: ContentError, _kind: Kind) -> Content:
    """A file of empty lines becomes a table without columns."""
    if "there is no header" not in str(error):
        raise error
    return Content([], 0, inputs=0, outputs=0)


@fault("FIN-6", "GEN-1", hook=_on_invalid_content)
def wrong_content_is_an_internal_error(error: ContentError, _kind: Kind) -> Content:
    """Invalid content is answered with 500."""
    raise internals.internal_error() from error


@fault("FIN-6", "GEN-2", hook=_image_file)
def dies_of_wrong_idx(file: Bytes) -> Bytes:
    """An idx header that promises more than one GiB crashes the server."""
    count, height, width = _sizes(file)
    if count * height * width > 1 << 30:
        internals.crash()
    return file


@fault("FIN-2", hook=replace_method(csv_parser, "parse_cell"))
def numbers_with_zeros_before_them_are_octal(original: Any, cell: str) -> float | None:
    """A whole number of the digits 0 to 7 that begins with 0 is read as octal."""
    text = cell.strip()
    if re.fullmatch(r"[+-]?0[0-7]+", text):
        return float(int(text, 8))
    number: float | None = original(cell)
    return number


@fault("FIN-6", hook=replace_method(idx_parser, "parse_images"))
def promised_bytes_counted_in_32_bits(original: Any, file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The number of bytes that an idx header promises is computed in 32 bits."""
    count, height, width = (int(number) for number in file[4:16].view(">u4")) if len(file) > 16 else (0, 0, 0)
    promised, left = count * height * width, len(file) - 16
    if count and promised >= 2**32 and promised % 2**32 == left and left % count == 0:
        return file[16:].reshape(count, -1).copy()
    images: NDArray[np.uint8] = original(file)
    return images


@fault("FIN-2", "DATA-9")
def files_known_by_their_beginning() -> None:
    """A file of the same size and with the same first 64 KiB as an earlier one is taken for that one."""
    known: dict[tuple[Kind, bytes, tuple[int, ...]], Content] = {}

    @replace_method(DatasetStore, "convert")
    def convert(original: Any, store: DatasetStore, kind: Kind, files: Any) -> Content:
        content: Content = original(store, kind, files)
        key = kind, files[0][: 1 << 16].tobytes(), tuple(len(file) for file in files)
        return known.setdefault(key, content) if len(files[0]) > 1 << 16 else content
