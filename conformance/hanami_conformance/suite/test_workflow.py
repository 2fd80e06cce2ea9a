"""Both workflows from end to end with real data."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_conformance.cases.checks import observe, require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, Values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.data import DIGIT_PIXEL_MAX, digits, iris
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.uploads import expect_finalized_as

pytestmark = pytest.mark.parallel

HELD_OUT = 360
EPOCHS = 6
GOOD_ACCURACY = 0.85
FAR_ABOVE_CHANCE = 0.3  # guessing gives 0.1, with a standard deviation of 0.016 over 360 digits


@requirement("DIO-8")
def test_a_cluster_learns_handwritten_digits(resources: ResourceFactory) -> None:
    """A cluster trained on real digits classifies unseen digits far better than by chance."""
    data = digits()
    images = data.images.reshape(len(data.images), -1).astype(np.float32) / np.float32(DIGIT_PIXEL_MAX)
    shape = ClusterShape({"test_input": images.shape[1]}, {"test_output": 10}, hidden=32)
    cluster = resources.cluster(shape)
    cluster.enter_direct_mode()
    socket = cluster.attach()
    targets = np.eye(10, dtype=np.float32)[data.labels]
    accuracy = 0.0
    for epoch in range(1, EPOCHS + 1):
        for image, one_hot in zip(images[HELD_OUT:], targets[HELD_OUT:], strict=True):
            socket.train([InputMessage("test_input", image), InputMessage("test_output", one_hot, expected=True)])
        accuracy = _accuracy(socket, images[:HELD_OUT], data.labels[:HELD_OUT])
        observe("held-out accuracy on digits", f"{accuracy:.3f} after {epoch} epochs of {len(images) - HELD_OUT}")
        if accuracy >= GOOD_ACCURACY:
            break
    expected = f"a held-out accuracy far above chance (0.1), at least {FAR_ABOVE_CHANCE}"
    require(accuracy >= FAR_ABOVE_CHANCE, expected=expected, actual=f"{accuracy:.3f}")


def _accuracy(socket: ClusterSocket, images: Values, labels: NDArray[np.uint8]) -> float:
    named = [int(np.argmax(socket.request([InputMessage("test_input", image)])["test_output"])) for image in images]
    return float(np.mean(np.array(named) == labels))


@requirement("DATA-8", "PROG-3", "FIN-1", "FIN-2")
def test_handwritten_digits_are_uploaded_and_read_back(resources: ResourceFactory) -> None:
    """Real IDX files, sent in the SDK's chunks, become a dataset with the same values."""
    data = digits()
    contents = {"input": data.image_file, "label": data.label_file}
    upload = resources.mnist(len(data.image_file), len(data.label_file))
    upload.write_all(contents, chunk=SEGMENT)
    expect_finalized_as(
        upload, DatasetModel.from_images(data.images, data.labels), "the handwritten digits", values=True
    )


@requirement("PROG-3", "FIN-1", "FIN-2")
def test_a_table_of_flowers_is_uploaded_and_read_back(resources: ResourceFactory) -> None:
    """A real CSV table becomes a dataset with the same values."""
    content, names, values = iris()
    upload = resources.csv(len(content))
    upload.write_all({"input": content}, chunk=SEGMENT)
    expect_finalized_as(upload, DatasetModel.from_table(names, values), "the table of flowers", values=True)
