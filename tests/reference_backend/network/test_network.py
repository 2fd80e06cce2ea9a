from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hanami_reference_backend.network.network import Network

Array = NDArray[np.float32]
ONES = np.ones(3, dtype=np.float32)


def pair(seed: int = 0, inputs: int = 5) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    return random.random(inputs, dtype=np.float32), np.array([1, 0, 1], dtype=np.float32)


def loss(network: Network, values: Array, expected: Array, mask: Array) -> float:
    output = network.forward(values).astype(np.float64)
    return float(-(mask * (expected * np.log(output) + (1 - expected) * np.log(1 - output))).sum())


@pytest.mark.parametrize("layers", [(5, 3), (5, 4, 3), (5, 4, 6, 3)])
@pytest.mark.parametrize("mask", [ONES, np.array([1, 0, 0], dtype=np.float32)])
def test_errors_are_the_derivatives_of_the_loss(layers: tuple[int, ...], mask: Array) -> None:
    network = Network(layers, seed=3)
    values, expected = pair()
    errors = network.errors(values, expected, mask)
    step = 1e-2
    for index, error in enumerate(errors):
        # A bias enters the sum of its neuron with weight one.
        for neuron in range(len(error)):
            bias = network.biases[index]
            original = bias[neuron]
            bias[neuron] = original + step
            above = loss(network, values, expected, mask)
            bias[neuron] = original - step
            below = loss(network, values, expected, mask)
            bias[neuron] = original
            assert error[neuron] == pytest.approx((above - below) / (2 * step), abs=2e-3)


def test_a_pair_repeated_is_learned() -> None:
    network = Network((784, 400, 3))
    values, expected = pair(inputs=784)
    before = np.abs(network.forward(values) - expected).max()
    for _ in range(20):
        network.train(values, expected, ONES)
    assert np.abs(network.forward(values) - expected).max() < before / 4


def test_clusters_of_points_are_distinguished() -> None:
    random = np.random.default_rng(1)
    centers = random.random((3, 16), dtype=np.float32)
    labels = random.integers(0, 3, 900)
    points = (centers[labels] + 0.1 * random.standard_normal((900, 16))).astype(np.float32)
    network = Network((16, 8, 3))
    for point, label in zip(points[:600], labels[:600], strict=True):
        network.train(point, np.eye(3, dtype=np.float32)[label], ONES)
    right = [network.forward(point).argmax() == label for point, label in zip(points[600:], labels[600:], strict=True)]
    assert np.mean(right) > 0.95


def test_same_template_and_seed_give_the_same_network() -> None:
    values, _ = pair()
    one, two = Network((5, 4, 3), 7, "text"), Network((5, 4, 3), 7, "text")
    assert (one.forward(values) == two.forward(values)).all()
    assert (one.forward(values) != Network((5, 4, 3), 8, "text").forward(values)).any()
    assert (one.forward(values) != Network((5, 4, 3), 7, "other").forward(values)).any()


def test_an_output_without_expected_values_gets_no_signal() -> None:
    network = Network((5, 3))
    values, expected = pair()
    weights = network.weights[0].copy()
    network.train(values, expected, np.array([1, 0, 0], dtype=np.float32))
    changed = (network.weights[0] != weights).any(axis=1)
    assert changed.tolist() == [True, False, False]


@pytest.mark.parametrize("scale", [0.0, 1.0, 255.0, 1e6, 3e38])
def test_nothing_makes_the_network_infinite(scale: float) -> None:
    network = Network((5, 8, 3))
    values, expected = pair()
    values = (values - np.float32(0.5)) * np.float32(scale)
    for _ in range(200):
        network.train(values, expected * np.float32(scale), ONES)
    assert np.isfinite(network.forward(values)).all()
    assert all(np.isfinite(matrix).all() for matrix in network.weights)


def test_a_resized_network_keeps_what_it_has_learned() -> None:
    network = Network((3, 8, 2), seed=1, text="template")
    values, expected = pair(inputs=3)
    for _ in range(20):
        network.train(values, expected[:2], np.ones(2, dtype=np.float32))
    before = network.forward(values).copy()
    larger = network.resized((5, 8, 4), np.array([0, 2, 4]), np.array([1, 3]))
    spread = np.zeros(5, dtype=np.float32)
    spread[[0, 2, 4]] = values
    assert np.allclose(larger.forward(spread)[[1, 3]], before, atol=1e-6)
    assert larger.parameters == 6 * 8 + 9 * 4
    assert (larger.weights[0][:, [1, 3]] != 0).all()  # new inputs have weights of their own


def test_a_network_without_inputs_and_outputs_answers_nothing() -> None:
    empty = Network((0, 0))
    assert empty.forward(np.zeros(0, dtype=np.float32)).shape == (0,)
    assert empty.resized((2, 3), np.array([], dtype=np.intp), np.array([], dtype=np.intp)).weights[0].shape == (3, 2)


def test_the_size_is_the_memory_of_a_trained_network() -> None:
    network = Network((300, 200, 3))
    values, expected = pair(inputs=300)
    network.train(values, expected, ONES)
    arrays = [*network.weights, *network.biases, *network._scratch, *network._layers]
    taken = sum(array.nbytes for array in arrays)
    assert taken <= network.size <= taken + 10_000
