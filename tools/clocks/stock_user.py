"""A locustfile as Locust's documentation teaches it: the stock generator beside ours.

``CLOCKS_RATE`` is the number of tasks a second of each user, 0 for no wait between two; ``CLOCKS_RESULT`` is the file
for Locust's own percentiles.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from locust import HttpUser, constant, constant_throughput, events, task

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
RATE = float(os.environ["CLOCKS_RATE"])


class StockUser(HttpUser):
    """A user that queries the progress of its upload."""

    wait_time = constant_throughput(RATE) if RATE else constant(0)

    def on_start(self) -> None:
        """Begin the upload."""
        self.uuid = self.client.post("/v1/csv/dataset", json={"name": "stock", "input_data_size": 1000}).json()["uuid"]

    @task
    def progress(self) -> None:
        """Query its progress."""
        self.client.get("/v1/dataset/progress", params={"uuid": self.uuid}, name="progress")


def write_result(environment: Any, **_: Any) -> None:
    """Write what Locust reports."""
    entry = environment.stats.get("progress", "GET")
    found = {name: entry.get_response_time_percentile(share) / 1000 for name, share in PERCENTILES.items()}
    found |= {"max": entry.max_response_time / 1000, "failures": entry.num_failures}
    Path(os.environ["CLOCKS_RESULT"]).write_text(json.dumps(found), encoding="utf-8")


events.quitting.add_listener(write_result)  # type: ignore[no-untyped-call] # Locust's
