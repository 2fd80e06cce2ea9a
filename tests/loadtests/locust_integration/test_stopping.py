"""The end of a run when Locust stops it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from hanami_loadtests.locust_integration.stopping import SessionHolder, end_sending_first


def test_a_run_has_ended_before_locust_begins_to_stop_it() -> None:
    events: list[Any] = []

    class Stopping:
        def stop(self, *arguments: Any) -> None:
            events.append(("stop", *arguments))

        def quit(self) -> None:
            self.stop("by quit")

    runner = Stopping()
    holder = SimpleNamespace(session=SimpleNamespace(end=lambda: events.append("end")))
    end_sending_first(cast("SessionHolder", holder), runner)
    runner.stop()
    runner.quit()
    holder.session = None  # before any run
    runner.stop()
    assert events == ["end", ("stop",), "end", ("stop", "by quit"), ("stop",)]
