"""How the generator itself fares: a result that measures the generator in place of the target is invalid."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import Generator

PROBE = 0.01  # seconds that the probe asks to sleep


@dataclass
class Health:
    """Watches one process, from its start to :meth:`result`.

    Attributes:
        generator_delay: how much later than due messages were sent, where nothing but this process held them back.
        event_loop_delay: how much later than asked the event loop woke the probe up.
    """

    generator_delay: Histogram = field(default_factory=Histogram)
    event_loop_delay: Histogram = field(default_factory=Histogram)
    gc_pauses: int = 0
    gc_longest: float = 0.0
    cpu_most: float = 0.0
    _process: psutil.Process = field(default_factory=psutil.Process)

    def __post_init__(self) -> None:
        self._began = self._second = time.perf_counter()
        self._cpu = self._cpu_second = time.process_time()
        self._gc_began = 0.0

    @contextlib.contextmanager
    def watching_gc(self) -> Iterator[None]:
        """Note the pauses for garbage collection in here."""
        gc.callbacks.append(self._on_gc)
        try:
            yield
        finally:
            with contextlib.suppress(ValueError):
                gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, info: Mapping[str, Any]) -> None:  # noqa: ARG002 - as the interpreter calls it
        if phase == "start":
            self._gc_began = time.perf_counter()
        else:
            self.gc_pauses += 1
            self.gc_longest = max(self.gc_longest, time.perf_counter() - self._gc_began)

    def record_generator_delay(self, seconds: float) -> None:
        """Note that a message was sent that much later than it could have been."""
        self.generator_delay.record(int(seconds * MICROSECONDS))

    def probe(self, sleep: Callable[[float], object]) -> None:
        """Sleep once and see how late it is; also takes the share of a core, once a second."""
        asked = time.perf_counter()
        sleep(PROBE)
        now = time.perf_counter()
        late = now - asked - PROBE
        while late > 0:  # everything that should have been woken up meanwhile was late as well
            self.event_loop_delay.record(int(late * MICROSECONDS))
            late -= PROBE
        if now - self._second >= 1.0:
            used = time.process_time()
            self.cpu_most = max(self.cpu_most, (used - self._cpu_second) / (now - self._second))
            self._second, self._cpu_second = now, used

    def result(self, name: str) -> Generator:
        """Yield what was seen until now.

        Args:
            name: of the process.
        """
        seconds = max(time.perf_counter() - self._began, 1e-9)
        cpu = (time.process_time() - self._cpu) / seconds
        return Generator(
            name=name,
            cpu=round(cpu, 4),
            cpu_most=round(max(self.cpu_most, cpu), 4),
            event_loop_delay=self.event_loop_delay,
            generator_delay=self.generator_delay,
            gc_pauses=self.gc_pauses,
            gc_longest=round(self.gc_longest, 6),
            memory=self._process.memory_info().rss,
        )
