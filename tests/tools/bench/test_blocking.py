"""The measurement of hostile clients: every one of them is sent, and blocks are measured. No time is judged here."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import FunctionType, ModuleType

import pytest

from hanami_conformance.common.child_process import ProcessError
from tools.bench import rest_abuse, socket_abuse, victim
from tools.bench.blocking import ABUSES, BlockingMeasurement
from tools.bench.measurement import Plan
from tools.bench.servers import Servers
from tools.bench.statistics import Sample
from tools.bench.watched_server import LoopWatch


def test_the_watch_measures_a_block_once() -> None:
    async def watch() -> tuple[float, float]:
        watch = LoopWatch()
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0.02)
        watch.take_longest()
        time.sleep(0.3)
        await asyncio.sleep(0.02)
        longest = watch.take_longest()
        after = watch.take_longest()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return longest, after

    longest, after = asyncio.run(watch())
    assert longest > 0.2
    assert after == 0.0


@pytest.mark.parametrize("module", [rest_abuse, socket_abuse], ids=lambda module: module.__name__)
def test_every_abuse_is_measured(module: ModuleType) -> None:
    functions = {
        value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert functions
    assert functions <= set(ABUSES)


def test_every_abuse_leaves_a_server_that_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlockingMeasurement, "scale", 0.01)
    monkeypatch.setattr(victim, "SILENCE", 0.1)
    measurement = BlockingMeasurement()
    with Servers() as servers, measurement.sides(servers, Plan(1, 1.0, 1)) as sides:
        samples = {title: side(1.0) for title, side in sides.items()}
    assert len(samples) == len(ABUSES)
    assert all(sample.seconds > 0 for sample in samples.values())


def test_the_ratio_is_the_longest_block_in_milliseconds() -> None:
    samples = {"nothing": Sample(1, 0.001), "one": Sample(1, 0.030), "other": Sample(1, 0.020)}
    assert BlockingMeasurement().ratio(samples) == pytest.approx(30.0)


def test_a_server_that_ends_is_reported() -> None:
    measurement = BlockingMeasurement()
    with Servers() as servers, measurement.sides(servers, Plan(1, 1.0, 1)) as sides:
        side = sides["nothing"]
    with pytest.raises(ProcessError, match="the watched reference backend does not answer"):
        side(1.0)
