"""Values that a cluster has received since its last cycle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.network.templates import Port, Template

MOST_VALUES = 4_000_000  # values that all ports without a size may receive together


class Buffer:
    """Values of all inputs, or of all outputs, one after the other in a single vector.

    The values of a port without a size are only collected: their number becomes its size.

    Args:
        ports: Ports in the order of their values in the vector.

    Attributes:
        values: Values of all ports, shape (size of all ports,), 0.0 where none was received.
        slices: Range of each port in the vector, by name.
    """

    def __init__(self, ports: Sequence[Port]) -> None:
        self.slices: dict[str, slice] = {}
        start = 0
        for port in ports:
            self.slices[port.name] = slice(start, start + port.size)
            start += port.size
        self.values = np.zeros(start, dtype=np.float32)
        self._filled: set[str] = set()
        self._collected = {port.name: np.zeros(0, dtype=np.float32) for port in ports if not port.size}

    def __contains__(self, name: str) -> bool:
        return name in self.slices

    def write(self, name: str, values: NDArray[np.float32]) -> bool:
        """Write the values of a message to a port, from its first value on (DIO-4).

        The workflow document gives the values of a message no position, so those of a later message for the same port
        replace those of an earlier one (DIO-13).

        Returns:
            Whether the values fit; nothing is changed otherwise.
        """
        if name in self._collected:
            others = sum(len(part) for other, part in self._collected.items() if other != name)
            if others + len(values) > MOST_VALUES:
                return False
            self._collected[name] = np.concatenate([values, self._collected[name][len(values) :]])
            return True
        part = self.slices[name]
        end = part.start + len(values)
        if end > part.stop:
            return False
        self.values[part.start : end] = values
        if len(values):
            self._filled.add(name)
        return True

    def new_sizes(self) -> dict[str, int]:
        """Return the number of values of each port without a size that has received any."""
        return {name: len(values) for name, values in self._collected.items() if len(values)}

    def take_over(self, other: Buffer) -> None:
        """Write the values of a buffer of the same ports, of which some had no size."""
        for name in other.new_sizes():
            self.write(name, other._collected[name])
        for name in other._filled:
            self.write(name, other.values[other.slices[name]])

    def has_values(self) -> bool:
        """Return whether any port has received a value."""
        return bool(self._filled) or bool(self.new_sizes())

    def mask(self) -> NDArray[np.float32]:
        """Return 1 for all values of the ports that have received any, 0 for the rest; shape as :attr:`values`."""
        mask = np.zeros_like(self.values)
        for name in self._filled:
            mask[self.slices[name]] = 1.0
        return mask

    def clear(self) -> None:
        """Empty all ports."""
        self._collected = {name: values[:0] for name, values in self._collected.items()}
        if self._filled:
            self.values.fill(0.0)
            self._filled.clear()


class Cycle:
    """The inputs and the expected values of a cycle, until it runs (DIO-2)."""

    def __init__(self, template: Template) -> None:
        self.inputs = Buffer(template.inputs)
        self.expected = Buffer(template.outputs)

    def new_sizes(self) -> dict[str, int]:
        """Return the sizes that the values of this cycle give to inputs and outputs without one."""
        return self.inputs.new_sizes() | self.expected.new_sizes()

    def with_template(self, template: Template) -> Cycle:
        """Return the same values in a cycle for a template with more sizes."""
        cycle = Cycle(template)
        cycle.inputs.take_over(self.inputs)
        cycle.expected.take_over(self.expected)
        return cycle

    def clear(self) -> None:
        """Start a new cycle."""
        self.inputs.clear()
        self.expected.clear()
