"""Health of the load generator: a result is invalid where it measures the generator instead of the target."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from hanami_conformance.common.scheduler import SchedulerMeter
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import Generator

PROBE_SECONDS = 0.01  # length of the sleep that measures the event loop


@dataclass
class Health:
    """Measurements of one process, from its creation to :meth:`result`.

    Attributes:
        generator_delay: Delays of messages for which only this process is responsible.
        event_loop_delay: Delays with which the event loop woke up the probe.
    """

    generator_delay: Histogram = field(default_factory=Histogram)
    event_loop_delay: Histogram = field(default_factory=Histogram)
    gc_pauses: int = 0
    gc_longest: float = 0.0
    cpu_most: float = 0.0
    _process: psutil.Process = field(default_factory=psutil.Process)
    _scheduler: SchedulerMeter = field(default_factory=SchedulerMeter)

    def __post_init__(self) -> None:
        self._began = self._second = time.perf_counter()
        self._cpu = self._cpu_second = time.process_time()
        self._gc_began = 0.0

    @contextlib.contextmanager
    def watching_gc(self) -> Iterator[None]:
        """Record pauses for garbage collection within the block."""
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
        """Record how much later than possible a message was sent."""
        self.generator_delay.record(int(seconds * MICROSECONDS))

    def probe(self, sleep: Callable[[float], object]) -> None:
        """Sleep once and record the delay of waking up; once a second also the CPU share."""
        asked = time.perf_counter()
        sleep(PROBE_SECONDS)
        now = time.perf_counter()
        late = now - asked - PROBE_SECONDS
        while late > 0:  # every wake-up within the delay would have been late as well
            self.event_loop_delay.record(int(late * MICROSECONDS))
            late -= PROBE_SECONDS
        if now - self._second >= 1.0:
            used = time.process_time()
            self.cpu_most = max(self.cpu_most, (used - self._cpu_second) / (now - self._second))
            self._second, self._cpu_second = now, used

    def result(self, name: str) -> Generator:
        """Return the measurements so far, under the name of the process."""
        seconds = max(time.perf_counter() - self._began, 1e-9)
        cpu = (time.process_time() - self._cpu) / seconds
        wait = self._scheduler.read()
        return Generator(
            name=name,
            cpu=round(cpu, 4),
            cpu_most=round(max(self.cpu_most, cpu), 4),
            event_loop_delay=self.event_loop_delay,
            generator_delay=self.generator_delay,
            gc_pauses=self.gc_pauses,
            gc_longest=round(self.gc_longest, 6),
            memory=self._process.memory_info().rss,
            cpu_wait=round(wait.share, 6),
            cpu_quota_reached=wait.quota_reached,
        )
