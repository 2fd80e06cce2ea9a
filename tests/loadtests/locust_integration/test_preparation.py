"""Workers prepare a run; in a process of its own, since Locust patches the one that imports it."""

from __future__ import annotations

import json
import subprocess
import sys

TIMEOUT = 60.0  # seconds; only reached when something is broken
SCRIPT = """
import locust
import json
import sys
from types import SimpleNamespace
from locust.runners import WorkerRunner
from hanami_loadtests.locust_integration.preparation import WorkerPreparation

class Runner(WorkerRunner):
    def __init__(self): self.told = []
    def register_message(self, *_, **__): pass
    def send_message(self, kind, data=None, client_id=None): self.told.append(f"{data['state']} {data['line']}")

errors = eval(sys.argv[1])
checks = []
def check(options, host):
    checks.append(host)
    if len(checks) <= len(errors):
        raise errors[len(checks) - 1]

runner = Runner()
prepared = WorkerPreparation(SimpleNamespace(runner=runner, check=check), lambda: None)
asked = SimpleNamespace(data={"asked": json.dumps({"options": {}, "host": "x", "scenarios": []})})
for _ in range(3):
    prepared._on_prepare(None, asked)
print(json.dumps([runner.told, len(checks)]))
"""


def told_after(errors: str) -> tuple[list[str], int, str]:
    """What a worker tells when it is asked three times, how often it tried, and its log, after such errors."""
    command = [sys.executable, "-c", SCRIPT, errors]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    told, tries = json.loads(run.stdout)
    return told, tries, run.stderr


def test_a_failure_is_tried_again_and_a_success_is_kept() -> None:
    assert told_after("[ValueError('not yet')]")[:2] == (["INVALID not yet", " ", " "], 2)


def test_a_fault_of_the_suite_is_told_too() -> None:
    told, tries, log = told_after("[TypeError('no number')]")
    assert (told, tries) == (["INTERNAL ERROR TypeError: no number", " ", " "], 2)
    assert "Traceback" in log
