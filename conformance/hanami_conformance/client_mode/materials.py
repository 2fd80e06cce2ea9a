"""What a client is given: the address, an account, a cluster, and files; also the truth that it is compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.data import DIGIT_PIXEL_MAX, digits, iris
from hanami_conformance.models.dataset import csv_table, idx_images, idx_labels
from hanami_proto.dialect import Dialect

IMAGES = 400  # of 784 bytes: three chunks of 128 KiB
SCALE, BORDER = 3, 2  # from 8 x 8 to the 28 x 28 pixels of MNIST
TABLES = 60  # copies of the table of flowers, one below the other: two chunks of 128 KiB
HIDDEN = 20  # neurons
INPUTS, OUTPUTS = {"test_input": 784}, {"test_output": 10}
BRIGHTEST = 255


@dataclass(frozen=True)
class Materials:
    """What the client is given in one scenario.

    Attributes:
        url: Address of the server, for REST and websockets.
        token: Token of the account.
        user: Id of the account.
        password: Password of the account.
        cluster: Uuid of a cluster in task mode.
        folder: Folder of the files.
        dialect: Dialect of the server.
        shape: Bricks of the cluster.
    """

    url: str
    token: str = field(repr=False)
    user: str
    password: str = field(repr=False)
    cluster: str
    folder: Path
    dialect: Dialect
    shape: ClusterShape

    @property
    def result_file(self) -> Path:
        """File in which the client may leave the outputs that it received."""
        return self.folder / "result.json"

    def placeholders(self, workflow: str, seconds: float) -> dict[str, str]:
        """Return the values of the placeholders in the command, by name.

        Args:
            workflow: Workflow of the scenario.
            seconds: Time that the client gets.
        """
        return {
            "url": self.url,
            "token": self.token,
            "user": self.user,
            "password": self.password,
            "cluster": self.cluster,
            "dialect": self.dialect.name,
            "workflow": workflow,
            "timeout": f"{seconds:g}",
            "result_file": str(self.result_file),
            **{f"{name}_file": str(self.folder / file) for name, file in FILES.items()},
        }


FILES: Mapping[str, str] = {
    "input": "images.idx3-ubyte",
    "labels": "labels.idx1-ubyte",
    "csv": "table.csv",
    "values": "values.json",
}


def write_files(folder: Path) -> dict[str, bytes]:
    """Write the files of uploads for the client.

    Returns:
        The content of each file by its name in :data:`FILES`.
    """
    _, columns, table = iris()
    contents = {
        "input": idx_images(_images()),
        "labels": idx_labels(digits().labels[:IMAGES].astype(np.uint8)),
        "csv": csv_table(columns, np.tile(table, (TABLES, 1))),
    }
    for name, content in contents.items():
        (folder / FILES[name]).write_bytes(content)
    return contents


def write_values(folder: Path, shape: ClusterShape) -> None:
    """Write the values of one training cycle and one request for the client."""
    pixels = (_images()[:2].reshape(2, -1) / np.float32(BRIGHTEST)).astype(np.float32)
    targets = {name: np.eye(size)[digits().labels[0] % size].tolist() for name, size in shape.outputs.items()}
    values = {
        "train": {"inputs": {name: pixels[0].tolist() for name in shape.inputs}, "outputs": targets},
        "request": {"inputs": {name: pixels[1].tolist() for name in shape.inputs}},
    }
    (folder / FILES["values"]).write_text(json.dumps(values), encoding="utf-8")


def _images() -> NDArray[np.uint8]:
    """Return digits in the size of MNIST, shape (n, 28, 28)."""
    images = np.kron(digits().images[:IMAGES], np.ones((1, SCALE, SCALE), dtype=np.uint8))
    bright = images * np.uint8(BRIGHTEST // DIGIT_PIXEL_MAX)
    return np.pad(bright, ((0, 0), (BORDER, BORDER), (BORDER, BORDER))).astype(np.uint8)
