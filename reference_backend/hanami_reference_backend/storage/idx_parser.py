"""MNIST files: the idx format of images and of labels."""

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
        images: bytes of the image file.
        labels: bytes of the label file.

    Returns:
        The column ``picture`` with the raw values of the pixels, 0 to 255, and the column ``label``, one-hot and
        ten wide, or wider where a label asks for it. Both own their data.

    Raises:
        ContentError: one of the files is no idx file of its type, promises more or less than it holds, or they have
            different counts (FIN-6).
    """
    pictures = parse_images(images)
    classes = parse_labels(labels)
    if len(pictures) != len(classes):
        raise ContentError(f"there are {len(pictures)} images, but {len(classes)} labels")
    width = max(LEAST_CLASSES, int(classes.max()) + 1 if len(classes) else 0)
    columns = (PlainColumn("picture", pictures), OneHotColumn("label", classes, width))
    return Content(columns, len(pictures), inputs=pictures.shape[1], outputs=width)


def parse_images(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels of an idx image file, shape (images, pixels).

    Raises:
        ContentError: it is none.
    """
    count, height, width = _header(file, "image file", IMAGES_MAGIC, 3)
    if height * width < 1:
        raise ContentError(f"image file: images of {height} x {width} pixels have no pixel")
    data = _data(file, "image file", 3, count * height * width)
    return data.reshape(count, height * width)


def parse_labels(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels of an idx label file, shape (labels,).

    Raises:
        ContentError: it is none.
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
