"""Tables and images in which one value differs from the others, at a chosen place."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hanami_conformance.models.dataset import DatasetModel, idx_images, idx_labels

# A number as text, without exponents, which the word CSV alone does not say that a server must read.
SPECIAL_NUMBERS: Mapping[str, str] = {
    "usual": "0.25",
    "zero": "0",
    "2^24 - 1": "16777215",
    "edges of int16": "-32768",
    "many digits": "0.100000001490116119384765625",
    "largest float32": np.format_float_positional(np.finfo(np.float32).max, trim="0"),
    "least normal float32": np.format_float_positional(np.finfo(np.float32).tiny, trim="0"),
    "least float32": np.format_float_positional(np.finfo(np.float32).smallest_subnormal, trim="0"),
}
PLACES = ("middle", "first", "last", "end of the first row", "begin of the last row")
DIGITS = 10  # labels


def place_in(rows: int, columns: int, place: str) -> tuple[int, int]:
    """Return the row and the column of one of PLACES."""
    return {
        "middle": (rows // 2, columns // 2),
        "first": (0, 0),
        "last": (rows - 1, columns - 1),
        "end of the first row": (0, columns - 1),
        "begin of the last row": (rows - 1, 0),
    }[place]


def special_table(rows: int, columns: int, number: str, place: str) -> tuple[bytes, DatasetModel]:
    """Return a CSV file with one special number among small different ones, and the dataset that it makes.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        number: The special number, of SPECIAL_NUMBERS.
        place: Its place, of PLACES.
    """
    names = [f"column_{index}" for index in range(columns)]
    # Short numbers, since large tables of long ones would take the time; neighbours and rows differ.
    values = (np.arange(rows * columns, dtype=np.int64) * 7 % 1000 / 8).astype(np.float32).reshape(rows, columns)
    row, column = place_in(rows, columns, place)
    lines = [",".join(names), *(",".join(f"{value:g}" for value in line) for line in values.tolist())]
    cells = lines[1 + row].split(",")
    cells[column] = SPECIAL_NUMBERS[number]
    lines[1 + row] = ",".join(cells)
    values[row, column] = np.float32(SPECIAL_NUMBERS[number])
    return ("\n".join(lines) + "\n").encode(), DatasetModel.from_table(names, values)


def special_images(
    count: int, height: int, width: int, pixel: int, place: str, labels: str
) -> tuple[dict[str, bytes], DatasetModel]:
    """Return the files of images with one special pixel among others, and the dataset that they make.

    Args:
        count: Number of images.
        height: Rows of an image.
        width: Pixels of a row.
        pixel: Value of the special pixel.
        place: Its place, of PLACES, in the table that has a row for each image.
        labels: ``every digit``, ``zeros``, ``nines``, or ``the last one differs``.
    """
    order = np.arange(count * height * width, dtype=np.int64)
    pixels = (order * 7 % 251 + 2).astype(np.uint8).reshape(count, height * width)
    pixels[place_in(count, height * width, place)] = pixel
    digits = {
        "every digit": np.arange(count) % DIGITS,
        "zeros": np.zeros(count),
        "nines": np.full(count, DIGITS - 1),
        "the last one differs": np.where(np.arange(count) == count - 1, DIGITS - 1, 1),
    }[labels].astype(np.uint8)
    images = pixels.reshape(count, height, width)
    return {"input": idx_images(images), "label": idx_labels(digits)}, DatasetModel.from_images(images, digits)
