"""Sample data: bytes, images, tables and cluster shapes, the same in every run."""

from __future__ import annotations

import numpy as np

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.models.dataset import DatasetModel, csv_table, idx_images, idx_labels

ONE_BRICK = ClusterShape({"test_input": 12}, {"test_output": 5}, hidden=10)
# Two shapes, because a server that serves several inputs wrong would hide how it serves several outputs.
TWO_INPUTS = ClusterShape({"input_a": 7, "input_b": 4}, {"test_output": 5}, hidden=10)
TWO_INTERNAL = ClusterShape({"test_input": 12}, {"test_output": 5}, hidden=10, internal=2)
TWO_OUTPUTS = ClusterShape({"test_input": 9}, {"output_a": 3, "output_b": 6}, hidden=10)


def random_bytes(size: int) -> bytes:
    """Return random bytes."""
    return np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8).tobytes()


class MnistSample:
    """The files of an MNIST upload with random pixels, and the dataset that they make.

    Args:
        size: Largest size of the image file in bytes.
        seed: Seed of the pixels and labels.
        side: Rows and columns of an image in pixels.
    """

    def __init__(self, size: int, seed: int = 1, side: int = 16) -> None:
        generator = np.random.default_rng(seed)
        count = max(1, (size - 16) // (side * side))
        pixels = generator.integers(0, 256, (count, side, side), dtype=np.uint8)
        pixels[0, 0, 0] = 255  # distinguishes pixels as 0..255 from pixels as 0..1
        labels = generator.integers(0, 10, count, dtype=np.uint8)
        self.contents = {"input": idx_images(pixels), "label": idx_labels(labels)}
        self.model = DatasetModel.from_images(pixels, labels)


def csv_sample(rows: int = 20, seed: int = 1) -> tuple[bytes, DatasetModel]:
    """Return a CSV file with random numbers, and the dataset that it makes."""
    names = ("first", "second", "third")
    values = np.random.default_rng(seed).normal(size=(rows, len(names))).astype(np.float32)
    return csv_table(names, values), DatasetModel.from_table(names, values)
