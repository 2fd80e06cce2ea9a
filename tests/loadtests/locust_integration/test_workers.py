"""The records of workers, merged by their master; in a process of its own, since Locust patches what imports it."""

from __future__ import annotations

import json
import subprocess
import sys

TIMEOUT = 60.0  # seconds; only reached when something is broken
BEGAN = 1000.0  # of measuring in the master, seconds of the clock
SCRIPT = """
import json
import sys
from types import SimpleNamespace
from locust.env import Environment
from locust.runners import MasterRunner, WorkerNodes
from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.locust_integration.workers import DELTA, WorkerCoordinator
from hanami_reports.model.loading import plain

class Runner(MasterRunner):
    def __init__(self): self.clients, self.listeners = WorkerNodes(), {}
    def register_message(self, kind, listener, **_): self.listeners[kind] = listener

began, reported, lost = json.loads(sys.argv[1])
runner, environment = Runner(), Environment()
session = SimpleNamespace(recorder=Recorder(origin=began))
coordinator = WorkerCoordinator(SimpleNamespace(runner=runner, environment=environment, session=session, failures=[]))
recorded = Recorder().data()
for worker in [*reported, *lost]:
    delta = {"recorded": recorded, "in_flight": 0, "overdue": {}, "seconds": 1.0}
    environment.events.worker_report.fire(client_id=worker, data={DELTA: delta})
for worker, origin in reported.items():
    report = {"recorded": recorded, "origin": origin, "generator": plain(Health().result(worker)), "leftovers": []}
    runner.listeners["hanami_final_report"](environment, SimpleNamespace(node_id=worker, data=report))
coordinator.collect(0.0)
total, generators, _ = coordinator.total()
print(json.dumps([total.origin, [one.name for one in generators if not one.complete]]))
"""


def merged(reported: dict[str, float], *lost: str) -> tuple[float, list[str]]:
    """Return the begin of measuring of a run, and its workers without a final report."""
    command = [sys.executable, "-c", SCRIPT, json.dumps([BEGAN, reported, lost])]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    origin, incomplete = json.loads(run.stdout)
    return origin, incomplete


def test_measuring_began_when_it_did_on_the_average_of_the_workers_that_say_so() -> None:
    assert merged({"a": BEGAN, "b": BEGAN + 0.5}) == (BEGAN + 0.25, [])
    assert merged({"a": BEGAN + 0.5}, "b", "c") == (BEGAN + 0.5, ["b", "c"])


def test_measuring_began_as_in_the_master_where_all_workers_are_lost() -> None:
    assert merged({}, "a", "b") == (BEGAN, ["a", "b"])
