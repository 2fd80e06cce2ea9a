from __future__ import annotations

import numpy as np
import pytest

from hanami_reference_backend.network import cycle_buffer
from hanami_reference_backend.network.cycle_buffer import Buffer
from hanami_reference_backend.network.templates import Port


def values(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.ones(count, dtype=np.float32)


def test_ports_without_a_size_share_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle_buffer, "MOST_VALUES", 10)
    buffer = Buffer([Port("a", 0), Port("b", 0), Port("c", 4)])
    assert buffer.write("a", values(6))
    assert not buffer.write("b", values(5))
    assert buffer.write("b", values(4))
    assert buffer.write("a", values(6))  # in place of those before
    assert not buffer.write("a", values(7))
    assert buffer.write("c", values(4))  # its memory was there from the start
    assert buffer.new_sizes() == {"a": 6, "b": 4}
    buffer.clear()
    assert buffer.write("b", values(10))
