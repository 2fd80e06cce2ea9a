"""Make the data files from scikit-learn's copies: ``python -m tools.sample_data [FOLDER]``."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

from hanami_conformance.models.dataset import csv_table, idx_images, idx_labels

IRIS_COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")

DATA = Path(__file__).resolve().parents[1] / "conformance" / "hanami_conformance" / "data"


def make(folder: Path) -> None:
    """Write the files into ``folder``; unpacked, they are the same every time."""
    from sklearn.datasets import load_digits, load_iris  # noqa: PLC0415 - a tool of development

    digits = load_digits()
    flowers = load_iris()
    table = np.column_stack([flowers.data, flowers.target]).astype(np.float32)
    contents = {
        "digits-images.idx3-ubyte": idx_images(digits.images.astype(np.uint8)),
        "digits-labels.idx1-ubyte": idx_labels(digits.target.astype(np.uint8)),
        "iris.csv": csv_table(IRIS_COLUMNS, table),
    }
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
