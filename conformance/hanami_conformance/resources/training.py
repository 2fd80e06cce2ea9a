"""Training: sample inputs, expected values, and the training of clusters until their answers are distinguishable."""

from __future__ import annotations

import numpy as np

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, preview_values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import Outputs, Values, are_distinguishable

STEPS = 30  # training cycles in a round
ROUNDS = 10  # rounds after which a cluster is considered unable to learn


def vector(size: int, seed: int) -> Values:
    """Return random input values between 0 and 1, shape (size,)."""
    return np.random.default_rng(seed).random(size, dtype=np.float32)


def sample_inputs(shape: ClusterShape, seed: int) -> list[InputMessage]:
    """Return values for every input brick."""
    return [
        InputMessage(name, vector(size, seed * 100 + index)) for index, (name, size) in enumerate(shape.inputs.items())
    ]


def training_targets(shape: ClusterShape, seed: int) -> list[InputMessage]:
    """Return expected values for every output brick: half of them 0.9, the others 0.1, permuted by the seed."""
    generator = np.random.default_rng(seed)
    parts = []
    for name, size in shape.outputs.items():
        values = np.where(generator.permutation(size) < (size + 1) // 2, 0.9, 0.1).astype(np.float32)
        parts.append(InputMessage(name, values, expected=True))
    return parts


def format_answer(answer: Outputs) -> str:
    """Return an answer as text for a report."""
    return ", ".join(f"{name} {preview_values(values, 6)}" for name, values in answer.items())


def train_once(socket: ClusterSocket) -> None:
    """Train a new cluster in one cycle, and send it a request.

    Some servers answer no request to a cluster that was never trained. One of them makes all the cases of direct
    interaction fail, but for the case that is about it (requirement DIO-3), unless each begins with this.

    Raises:
        Violation: If a cycle fails.
    """
    question = sample_inputs(socket.shape, seed=1)
    socket.train([*question, *training_targets(socket.shape, seed=1)])
    socket.request(question)


def make_distinguishable(socket: ClusterSocket, shape: ClusterShape) -> None:
    """Train a cluster until it answers different inputs differently, as a precondition.

    Raises:
        Unsupported: If it never does.
        PreconditionFailed: If a cycle fails.
        Violation: If an answer violates a requirement that its check names.
    """
    with precondition("training a cluster", keep_named=True):
        train_until_distinguishable(socket, shape)


def train_until_distinguishable(socket: ClusterSocket, shape: ClusterShape, *, least_rounds: int = 1) -> None:
    """Train a cluster until it answers different inputs differently.

    Args:
        socket: Socket attached to the cluster.
        shape: Shape of the cluster.
        least_rounds: Rounds of training even if the answers are distinguishable before.

    Raises:
        Unsupported: If it never does, so that a wrong answer could not be distinguished from a correct one.
        Violation: If a cycle fails.
    """
    for done in range(ROUNDS):
        left, right = (socket.request(sample_inputs(shape, seed)) for seed in (1, 2))
        if done >= least_rounds and are_distinguishable(left, right):
            return
        for step in range(STEPS):
            seed = 1 + step % 2
            socket.train([*sample_inputs(shape, seed), *training_targets(shape, seed)])
    raise Unsupported(
        "the cluster answers different inputs alike, also after training, so that a wrong answer could not be detected"
    )
