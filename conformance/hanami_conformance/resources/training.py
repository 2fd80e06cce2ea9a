"""Training: pairs of inputs and expected values, and clusters that were trained until they tell inputs apart."""

from __future__ import annotations

import numpy as np

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, short
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import Outputs, Values, apart

STEPS = 30  # cycles of training, enough to tell answers apart
ROUNDS = 10  # of so many cycles, after which a cluster is taken to learn nothing


def vector(size: int, seed: int) -> Values:
    """Input values between 0 and 1, shape (size,)."""
    return np.random.default_rng(seed).random(size, dtype=np.float32)


def inputs_of(shape: ClusterShape, seed: int) -> list[InputMessage]:
    """Values for every input brick."""
    return [
        InputMessage(name, vector(size, seed * 100 + index)) for index, (name, size) in enumerate(shape.inputs.items())
    ]


def wanted_of(shape: ClusterShape, seed: int) -> list[InputMessage]:
    """Return expected values for every output brick: 0.9 where the seed says so, 0.1 elsewhere."""
    generator = np.random.default_rng(seed)
    parts = []
    for name, size in shape.outputs.items():
        values = np.where(generator.permutation(size) < (size + 1) // 2, 0.9, 0.1).astype(np.float32)
        parts.append(InputMessage(name, values, expected=True))
    return parts


def shown(answer: Outputs) -> str:
    """Return an answer in words."""
    return ", ".join(f"{name} {short(values, 6)}" for name, values in answer.items())


def are_told_apart(socket: ClusterSocket, shape: ClusterShape, *, at_least: int = 1) -> None:
    """Train a cluster, as preparation, until it answers different inputs differently.

    Raises:
        Unsupported: it never does.
        PreconditionFailed: a cycle went wrong.
    """
    with precondition("training a cluster"):
        train_until_distinguishable(socket, shape, at_least=at_least)


def train_until_distinguishable(socket: ClusterSocket, shape: ClusterShape, *, at_least: int = 1) -> None:
    """Train a cluster until it answers different inputs differently.

    Args:
        socket: attached to it.
        shape: of it.
        at_least: rounds of training that it gets in any case.

    Raises:
        Unsupported: it never does, so that a wrong answer could not be told from a right one.
        Violation: a cycle went wrong.
    """
    for done in range(ROUNDS):
        left, right = (socket.request(inputs_of(shape, seed)) for seed in (1, 2))
        if done >= at_least and apart(left, right):
            return
        for step in range(STEPS):
            seed = 1 + step % 2
            socket.train([*inputs_of(shape, seed), *wanted_of(shape, seed)])
    raise Unsupported("the cluster answers different inputs alike, also after training: its answers tell nothing apart")
