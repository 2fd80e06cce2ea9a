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
    def __init__(self): self.reports = []
    def register_message(self, *_, **__): pass
    def send_message(self, kind, data=None, client_id=None): self.reports.append(f"{data['state']} {data['line']}")

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
print(json.dumps([runner.reports, len(checks)]))
"""


def reports_after(errors: str) -> tuple[list[str], int, str]:
    """Return the reports of a worker that is asked three times, its number of tries, and its log."""
    command = [sys.executable, "-c", SCRIPT, errors]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    reports, tries = json.loads(run.stdout)
    return reports, tries, run.stderr


def test_a_failure_is_tried_again_and_a_success_is_kept() -> None:
    assert reports_after("[ValueError('not yet')]")[:2] == (["INVALID not yet", " ", " "], 2)


def test_an_internal_error_is_reported_too() -> None:
    reports, tries, log = reports_after("[TypeError('no number')]")
    assert (reports, tries) == (["INTERNAL ERROR TypeError: no number", " ", " "], 2)
    assert "Traceback" in log
