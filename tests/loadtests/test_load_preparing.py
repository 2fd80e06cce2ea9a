"""Workers prepare a run; in a process of its own, since Locust patches the one that imports it."""

from __future__ import annotations

import subprocess
import sys

TIMEOUT = 60.0  # seconds; only reached when something is broken
SCRIPT = """
import locust
import json
from types import SimpleNamespace
from locust.runners import WorkerRunner
from loadtests.swarm.preparing import Prepared

class Runner(WorkerRunner):
    def __init__(self): self.told = []
    def register_message(self, *_, **__): pass
    def send_message(self, kind, data=None, client_id=None): self.told.append(data["line"])

checks = []
def check(options, host):
    checks.append(host)
    if len(checks) == 1:
        raise ValueError("not yet")

runner = Runner()
worker = SimpleNamespace(forget_crew=lambda: None)
prepared = Prepared(SimpleNamespace(runner=runner, worker=worker, check=check))
asked = SimpleNamespace(data={"asked": json.dumps({"options": {}, "host": "x", "scenarios": []})})
for _ in range(3):
    prepared._on_prepare(None, asked)
print(json.dumps([runner.told, len(checks)]))
"""


def test_a_failure_is_tried_again_and_a_success_is_kept() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert run.stdout == '[["not yet", "", ""], 2]\n', run.stderr
