"""Parser of MNIST files: images and labels in the idx format."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.storage.dataset_content import Content, ContentError, OneHotColumn, PlainColumn

IMAGES_MAGIC = 0x00000803  # unsigned bytes, three dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes, one dimension
LEAST_CLASSES = 10


def parse_mnist(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Content:
    """Merge an image file and a label file (FIN-1, FIN-2).

    Args:
        images: Bytes of the image file.
        labels: Bytes of the label file.

    Returns:
        The column ``picture`` with the raw pixels from 0 to 255, and the column ``label`` in one-hot encoding, ten or
        more wide. Both own their data.

    Raises:
        ContentError: If a file is not an idx file of its type, or has more or less data than its header promises, or
            the counts of the files differ (FIN-6).
    """
    pictures = parse_images(images)
    classes = parse_labels(labels)
    if len(pictures) != len(classes):
        raise ContentError(f"there are {len(pictures)} images, but {len(classes)} labels")
    width = max(LEAST_CLASSES, int(classes.max()) + 1 if len(classes) else 0)
    columns = (PlainColumn("picture", pictures), OneHotColumn("label", classes, width))
    return Content(columns, len(pictures), inputs=pictures.shape[1], outputs=width)


def parse_images(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels of an idx image file, shape (images, pixels).

    Raises:
        ContentError: If the file is invalid.
    """
    count, height, width = _header(file, "image file", IMAGES_MAGIC, 3)
    if height * width < 1:
        raise ContentError(f"image file: images of {height} x {width} pixels have no pixel")
    data = _data(file, "image file", 3, count * height * width)
    return data.reshape(count, height * width)


def parse_labels(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the labels of an idx label file, shape (labels,).

    Raises:
        ContentError: If the file is invalid.
    """
    (count,) = _header(file, "label file", LABELS_MAGIC, 1)
    return _data(file, "label file", 1, count)


def _header(file: NDArray[np.uint8], what: str, magic: int, dimensions: int) -> tuple[int, ...]:
    length = 4 + 4 * dimensions
    if len(file) < length:
        raise ContentError(f"{what}: {len(file)} bytes are too few for the header, which has {length}")
    found, *sizes = struct.unpack(f">{dimensions + 1}I", file[:length].tobytes())
    if found != magic:
        raise ContentError(f"{what}: it starts with 0x{found:08x} instead of 0x{magic:08x}")
    return tuple(sizes)


def _data(file: NDArray[np.uint8], what: str, dimensions: int, size: int) -> NDArray[np.uint8]:
    start = 4 + 4 * dimensions
    if len(file) - start != size:
        raise ContentError(f"{what}: its header promises {size} bytes of data, but {len(file) - start} follow")
    return file[start:].copy()
