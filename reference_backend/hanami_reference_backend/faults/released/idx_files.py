"""Defects of images and labels: these servers trust the headers of idx files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.faults.internals import padded
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import crash
from hanami_reference_backend.faults.released.registry import HANAMI, defect
from hanami_reference_backend.storage import datasets
from hanami_reference_backend.storage.dataset_content import Content, OneHotColumn, PlainColumn

LABELS = 10
IMAGES_HEADER = 16
LABELS_HEADER = 8
NEARBY = 512 * 1024  # bytes behind a file that can be read, since they are memory of the process

Bytes = NDArray[np.uint8]


def _check_first(check: Callable[[int, int, Bytes, Bytes], object]) -> None:
    """Let a function see the numbers of images and pixels in the header, and both files, before they are converted."""

    @replace_method(datasets, "parse_mnist")
    def parse_mnist(original: Any, images: Bytes, labels: Bytes) -> Content:
        count, height, width = _header(images)
        check(count, height * width, images, labels)
        content: Content = original(images, labels)
        return content


def _header(images: Bytes) -> tuple[int, int, int]:
    raw = images[4:IMAGES_HEADER].tobytes().ljust(12, b"\x00")
    count, height, width = struct.unpack(">3I", raw)
    return count, height, width


@cache
def _lenient() -> None:
    """Read images and labels without any check, with zeros behind the end of a file."""

    @replace_method(datasets, "parse_mnist")
    def parse_mnist(_original: Any, images: Bytes, labels: Bytes) -> Content:
        count, height, width = _header(images)
        pixels = height * width
        picture = padded(images[IMAGES_HEADER:], count * pixels).reshape(count, pixels)
        classes = padded(labels[LABELS_HEADER:], count)
        columns = (PlainColumn("picture", picture), OneHotColumn("label", classes, LABELS))
        return Content(columns, count, inputs=pixels, outputs=LABELS)


@defect("FIN-6")
def anything_is_an_idx_file() -> None:
    """Files of any content are finalized as images and labels: no magic number, count or length is checked."""
    _lenient()


@defect("GEN-2", "FIN-6")
def headers_with_large_counts_crash() -> None:
    """A header of images that promises far more than its file has crashes the server."""
    _lenient()

    def check(count: int, pixels: int, images: Bytes, _labels: Bytes) -> None:
        if count * pixels > len(images) + NEARBY:
            crash("headers-with-large-counts-crash")

    _check_first(check)


@defect("GEN-2", "FIN-6", servers=[HANAMI])
def images_without_pixels_crash() -> None:
    """A header that promises images of 0 pixels crashes the server."""
    _lenient()

    def check(count: int, pixels: int, _images: Bytes, _labels: Bytes) -> None:
        if count and not pixels:
            crash("images-without-pixels-crash")

    _check_first(check)


@defect("FIN-2", "FIN-6")
def labels_from_ten_on_are_lost() -> None:
    """An image with a label of ten or more is finalized without a label."""
    _lenient()  # all zeros in one-hot encoding
