"""Real data, small enough to ship: handwritten digits as IDX files, and a table of iris flowers as CSV.

The digits are the test set of the UCI "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998), the
table is R. A. Fisher's iris data (1936); both are made from scikit-learn's copies by ``tools/sample_data.py``, both are
CC BY 4.0.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.models.dataset import IMAGES_HEADER, LABELS_HEADER

DIGIT_PIXEL_MAX = 16  # the brightest pixel of a digit
_SIDE = 8


@dataclass(frozen=True)
class Digits:
    """1797 handwritten digits.

    Attributes:
        image_file: Images as an IDX file.
        label_file: Labels as an IDX file.
        images: Images of 0 to 16, uint8, shape (1797, 8, 8).
        labels: Digits of 0 to 9, uint8, shape (1797,).
    """

    image_file: bytes
    label_file: bytes
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def digits() -> Digits:
    """Return the digits, read from the files that are shipped."""
    images, labels = _file("digits-images.idx3-ubyte.gz"), _file("digits-labels.idx1-ubyte.gz")
    return Digits(
        images,
        labels,
        np.frombuffer(images, dtype=np.uint8, offset=IMAGES_HEADER).reshape(-1, _SIDE, _SIDE),
        np.frombuffer(labels, dtype=np.uint8, offset=LABELS_HEADER),
    )


def iris() -> tuple[bytes, tuple[str, ...], NDArray[np.float32]]:
    """Return the table of flowers.

    Returns:
        The CSV file, the names of its columns, and its values, float32, shape (150, 5).
    """
    content = _file("iris.csv.gz")
    lines = content.decode().splitlines()
    values = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]], dtype=np.float32)
    return content, tuple(lines[0].split(",")), values


def _file(name: str) -> bytes:
    return gzip.decompress((resources.files("hanami_conformance.data") / name).read_bytes())
