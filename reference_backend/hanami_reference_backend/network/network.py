"""The network of a cluster: fully connected layers in float32, trained online."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]
Indices = NDArray[np.intp]

LEARNING_RATE = np.float32(1.0)
LARGE_NETWORK = 500_000  # parameters; larger ones work in a thread, so that they do not block other clients
BYTES_PER_PARAMETER = 4
LAYER_SIZE = 600  # bytes of the arrays of a layer and its brick, without their values
LARGEST_INPUT = np.float32(1e6)  # larger values are clipped, so that no sum overflows


def network_size(layers: Sequence[int]) -> int:
    """Return the memory that a network takes once it is trained, in bytes."""
    parameters = sum((before + 1) * after for before, after in pairwise(layers))
    return 2 * BYTES_PER_PARAMETER * parameters + LAYER_SIZE * len(layers)


class Network:
    """A network with tanh in its hidden layers, a sigmoid in its output layer, and cross-entropy as its error.

    Args:
        layers: Sizes of the layers from the inputs to the outputs, at least two.
        seed: Seed of the initial weights.
        text: Text that the initial weights also depend on, such as the template.

    Attributes:
        weights: Weights of each layer but the first, shape (neurons, neurons of the layer before).
        biases: Biases of each layer but the first, shape (neurons,).
        parameters: Number of weights and biases.
        size: Memory that the network takes once it is trained, in bytes.
    """

    def __init__(self, layers: Sequence[int], seed: int = 0, text: str = "") -> None:
        self._origin = (seed, text)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        random = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
        self.weights: list[Matrix] = []
        self.biases: list[Vector] = []
        for before, after in pairwise(layers):
            scale = np.float32(np.sqrt(2.0 / max(1, before + after)))  # Xavier: keeps the variance from layer to layer
            self.weights.append(random.standard_normal((after, before), dtype=np.float32) * scale)
            self.biases.append(np.zeros(after, dtype=np.float32))
        self.parameters = sum(part.size for part in (*self.weights, *self.biases))
        self.size = network_size(layers)
        self._layers = [np.zeros(size, dtype=np.float32) for size in layers]
        self._scratch: list[Matrix] = []

    def resized(self, layers: Sequence[int], inputs: Indices, outputs: Indices) -> Network:
        """Return a larger network that has the weights of this one, and new ones for the neurons that it lacks.

        Args:
            layers: Sizes of the layers, the hidden ones as they are.
            inputs: Place of each input neuron in the larger network, shape (inputs,).
            outputs: Place of each output neuron in the larger network, shape (outputs,).
        """
        larger = Network(layers, *self._origin)
        last = len(self.weights) - 1
        for index, (matrix, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            rows = outputs if index == last else np.arange(matrix.shape[0])
            columns = inputs if index == 0 else np.arange(matrix.shape[1])
            larger.weights[index][np.ix_(rows, columns)] = matrix
            larger.biases[index][rows] = bias
        return larger

    def forward(self, values: Vector) -> Vector:
        """Compute the outputs.

        Args:
            values: Finite inputs, shape (inputs,).

        Returns:
            Outputs from 0 to 1, shape (outputs,); valid until the next call.
        """
        layers = self._layers
        np.maximum(values, -LARGEST_INPUT, out=layers[0])  # two calls of these take half the time of np.clip
        np.minimum(layers[0], LARGEST_INPUT, out=layers[0])
        last = len(self.weights) - 1
        for index, (matrix, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            layer = layers[index + 1]
            np.dot(matrix, layers[index], out=layer)
            layer += bias
            if index == last:
                layer *= np.float32(0.5)  # the sigmoid, by way of a function that does not overflow
            np.tanh(layer, out=layer)
        layer += np.float32(1.0)
        layer *= np.float32(0.5)
        return layer

    def errors(self, values: Vector, expected: Vector, mask: Vector) -> list[Vector]:
        """Compute the derivatives of the cross-entropy with respect to the sums that enter each layer.

        Args:
            values: Inputs, shape (inputs,).
            expected: Expected outputs, shape (outputs,), clipped to 0 to 1.
            mask: 1 where ``expected`` counts, 0 where there is no error signal, shape (outputs,).

        Returns:
            One vector for each layer but the first, in order.
        """
        output = self.forward(values)
        error = (output - np.clip(expected, 0.0, 1.0)) * mask
        errors = [error]
        for index in range(len(self.weights) - 1, 0, -1):
            layer = self._layers[index]
            error = np.dot(error, self.weights[index]) * (1.0 - layer * layer)
            errors.insert(0, error)
        return errors

    def train(self, values: Vector, expected: Vector, mask: Vector) -> None:
        """Make one step of gradient descent; the arguments are those of :meth:`errors`.

        The step of each layer is divided by the squared norm of its inputs (and of its bias, which is 1), so that a
        step has the same effect at any scale of the inputs, and never overshoots.
        """
        if not self._scratch:
            self._scratch = [np.empty_like(matrix) for matrix in self.weights]
        for index, error in enumerate(self.errors(values, expected, mask)):
            entering = self._layers[index]
            step = error * (LEARNING_RATE / (np.float32(1.0) + np.dot(entering, entering)))
            change = self._scratch[index]
            np.multiply(step[:, np.newaxis], entering, out=change)
            self.weights[index] -= change
            self.biases[index] -= step
