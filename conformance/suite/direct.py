"""What the tests of direct interaction share: clusters, their training, and how answers are compared."""

from __future__ import annotations

import numpy as np

from conformance.checks import Unsupported, check
from conformance.clients.brick_socket import BrickSocket, ClusterShape, Part, Values, short
from conformance.resources import Cluster, preparing
from conformance.suite.material import ONE_BRICK, vector
from conformance.workshop import Workshop

TOLERANCE = 1e-5  # of a float32 answer between -1 and 1, a few units in the last place after a few layers
STEPS = 30  # cycles of training, enough to tell answers apart
APART = 100 * TOLERANCE  # between answers that are told apart


def close_to(left: Values, right: Values) -> bool:
    """Whether two answers are the same within float32 tolerance."""
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE))


def same(left: dict[str, Values], right: dict[str, Values]) -> bool:
    """Whether the answers of all bricks are the same."""
    return left.keys() == right.keys() and all(close_to(left[name], right[name]) for name in left)


def shown(answer: dict[str, Values]) -> str:
    """An answer in words."""
    return ", ".join(f"{name} {short(values, 6)}" for name, values in answer.items())


def expect_same(came: dict[str, Values], wanted: dict[str, Values], why: str, statement_id: str | None = None) -> None:
    """Two answers must be the same."""
    check(same(came, wanted), expected=f"{why}: {shown(wanted)}", came=shown(came), statement=statement_id)


def inputs_of(shape: ClusterShape, seed: int) -> list[Part]:
    """Values for every input brick."""
    return [Part(name, vector(size, seed * 100 + index)) for index, (name, size) in enumerate(shape.inputs.items())]


def wanted_of(shape: ClusterShape, seed: int) -> list[Part]:
    """Expected values for every output brick: 0.9 where the seed says so, 0.1 elsewhere."""
    generator = np.random.default_rng(seed)
    parts = []
    for name, size in shape.outputs.items():
        values = np.where(generator.permutation(size) < (size + 1) // 2, 0.9, 0.1).astype(np.float32)
        parts.append(Part(name, values, expected=True))
    return parts


def direct(workshop: Workshop, shape: ClusterShape = ONE_BRICK) -> tuple[Cluster, BrickSocket]:
    """A new cluster in direct mode and a socket that is attached to it."""
    cluster = workshop.cluster(shape)
    cluster.enter_direct_mode()
    return cluster, cluster.attach()


def trained(workshop: Workshop, shape: ClusterShape = ONE_BRICK) -> tuple[Cluster, BrickSocket]:
    """A cluster that was trained until it answers different inputs differently, and its socket.

    Raises:
        Unsupported: it never does, so that a wrong answer could not be told from a right one.
    """
    cluster, socket = direct(workshop, shape)
    with preparing("training a cluster"):
        for step in range(10 * STEPS):
            if step % STEPS == 0:
                left, right = (socket.request(inputs_of(shape, seed)) for seed in (1, 2))
                if step and any(abs(left[name] - right[name]).max() > APART for name in shape.outputs):
                    return cluster, socket
            seed = 1 + step % 2
            socket.train([*inputs_of(shape, seed), *wanted_of(shape, seed)])
    raise Unsupported("the cluster answers different inputs alike, also after training: its answers tell nothing apart")


def distance(answer: Values, wanted: Part) -> float:
    """Mean squared distance of an answer from the expected values."""
    return float(np.mean((answer.astype(np.float64) - wanted.values) ** 2))
