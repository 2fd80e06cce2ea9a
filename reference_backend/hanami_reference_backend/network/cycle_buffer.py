"""Values that a cluster has received since its last cycle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hanami_reference_backend.network.templates import Port, Template


class Buffer:
    """Values of all inputs, or of all outputs, one after the other in a single vector.

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
        self._ends: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.slices

    def append(self, name: str, values: NDArray[np.float32]) -> bool:
        """Append values to those of a port (DIO-4); return False, without a change, if they do not fit."""
        part = self.slices[name]
        start = self._ends.get(name, part.start)
        end = start + len(values)
        if end > part.stop:
            return False
        self.values[start:end] = values
        self._ends[name] = end
        return True

    def has_values(self) -> bool:
        """Return whether any port has received a value."""
        return any(end > self.slices[name].start for name, end in self._ends.items())

    def mask(self) -> NDArray[np.float32]:
        """Return 1 for all values of the ports that have received any, 0 for the rest; shape as :attr:`values`."""
        mask = np.zeros_like(self.values)
        for name, end in self._ends.items():
            if end > self.slices[name].start:
                mask[self.slices[name]] = 1.0
        return mask

    def clear(self) -> None:
        """Empty all ports."""
        if self._ends:
            self.values.fill(0.0)
            self._ends.clear()


class Cycle:
    """The inputs and the expected values of a cycle, until it runs (DIO-2)."""

    def __init__(self, template: Template) -> None:
        self.inputs = Buffer(template.inputs)
        self.expected = Buffer(template.outputs)

    def clear(self) -> None:
        """Start a new cycle."""
        self.inputs.clear()
        self.expected.clear()
