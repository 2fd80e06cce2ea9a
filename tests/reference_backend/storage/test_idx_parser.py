from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_reference_backend.storage.dataset_content import ContentError
from hanami_reference_backend.storage.idx_parser import parse_images, parse_labels, parse_mnist
from support.backend_peer import images_file, labels_file

PIXELS = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)


def array(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, dtype=np.uint8)


def test_pixels_and_labels_become_columns() -> None:
    content = parse_mnist(array(images_file(PIXELS)), array(labels_file(np.array([0, 9, 3], dtype=np.uint8))))

    assert (content.number_of_rows, content.number_of_columns) == (3, 18)
    assert (content.inputs, content.outputs) == (8, 10)
    assert list(content.ranges()) == [("picture", 0, 8), ("label", 8, 18)]
    picture, label = content.columns
    assert (picture.rows(0, 9) == PIXELS.reshape(3, 8)).all()
    assert (label.rows(1, 2) == np.eye(10)[[9, 3]]).all()
    assert (picture.rows(1, 2, slice(2, 5)) == PIXELS.reshape(3, 8)[1:, 2:5]).all()
    assert (label.rows(1, 2, slice(2, 5)) == np.eye(10)[[9, 3], 2:5]).all()


def test_a_large_label_makes_the_column_wider() -> None:
    content = parse_mnist(array(images_file(PIXELS)), array(labels_file(np.array([0, 255, 3], dtype=np.uint8))))
    assert content.outputs == 256
    assert content.columns[1].rows(1, 1)[0].nonzero()[0].tolist() == [255]


def test_no_images_are_no_rows() -> None:
    empty = parse_mnist(array(struct.pack(">4I", 0x803, 0, 28, 28)), array(struct.pack(">2I", 0x801, 0)))
    assert (empty.number_of_rows, empty.inputs, empty.outputs) == (0, 784, 10)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        pytest.param(b"", "too few", id="empty"),
        pytest.param(b"\0\0\x08\x03\0\0\0", "too few", id="header cut"),
        pytest.param(b"\0\0\x08\x01" + bytes(12), "0x00000801", id="magic of labels"),
        pytest.param(images_file(PIXELS)[:-1], "promises 24 bytes", id="byte missing"),
        pytest.param(images_file(PIXELS) + b"\0", "promises 24 bytes", id="byte too many"),
        pytest.param(struct.pack(">4I", 0x803, 5, 0, 4), "no pixel", id="no pixels"),
        pytest.param(struct.pack(">4I", 0x803, *[2**32 - 1] * 3), "promises", id="product beyond 64 bits"),
    ],
)
def test_invalid_image_files(file: bytes, reason: str) -> None:
    with pytest.raises(ContentError, match=reason):
        parse_images(array(file))


def test_invalid_label_files() -> None:
    with pytest.raises(ContentError, match="promises 4294967295 bytes"):
        parse_labels(array(struct.pack(">2I", 0x801, 2**32 - 1) + b"\1"))


def test_counts_must_agree() -> None:
    with pytest.raises(ContentError, match="3 images, but 2 labels"):
        parse_mnist(array(images_file(PIXELS)), array(labels_file(np.zeros(2, dtype=np.uint8))))
