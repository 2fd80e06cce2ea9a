"""The export of one process while runs last: nothing, to a collector, for Prometheus, or both."""

from __future__ import annotations

from typing import Any

from hanami_loadtests.engine.tracing import Tracing
from hanami_loadtests.telemetry.measures import RunView
from hanami_loadtests.telemetry.settings import TelemetrySettings


class Export:
    """Exports metrics and traces of this process until it is closed.

    Args:
        settings: Where they go.
        run: Load run that is measured.
        instance: Name of the process.
        has_totals: Whether this process knows what is summed up over all processes.

    Attributes:
        tracing: Traces of the exchanges of this process.

    Raises:
        ValueError: If the address for Prometheus cannot be used; one line.
    """

    def __init__(self, settings: TelemetrySettings, run: RunView, instance: str, *, has_totals: bool) -> None:
        self.tracing = Tracing()
        self._otlp: Any = None
        self._server: Any = None
        # The packages are those of an extra, which is not needed without these options.
        if settings.metrics is not None and has_totals:
            from hanami_loadtests.telemetry.prometheus import serve_metrics  # noqa: PLC0415

            self._server = serve_metrics(run, *settings.metrics)
        if settings.otlp:
            from hanami_loadtests.telemetry.otlp import Otlp  # noqa: PLC0415

            self._otlp = Otlp(settings.otlp, run, instance, has_totals=has_totals)
            self.tracing = self._otlp.tracing

    def record(self, series: str, seconds: float) -> None:
        """Record the response time of a verified answer."""
        if self._otlp is not None:
            self._otlp.record(series, seconds)

    def close(self) -> str:
        """Export what is left; return a line if it was not taken, empty if all was."""
        if self._server is not None:
            self._server.stop(timeout=1)
            self._server = None
        otlp, self._otlp = self._otlp, None
        problem: str = "" if otlp is None else otlp.close()
        return problem
