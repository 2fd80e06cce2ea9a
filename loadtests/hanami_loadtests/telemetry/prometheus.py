"""The endpoint for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from hanami_loadtests.telemetry.measures import (
    BOUNDS,
    MEASURES,
    RESPONSE,
    RESPONSE_HELP,
    TYPE,
    RunView,
    cumulative_counts,
)
from hanami_reports.model.histogram import MICROSECONDS

PREFIX = "hanami_load_"


class RunCollector(Collector):
    """Collects the measures of a run when Prometheus asks for them.

    Args:
        run: Load run that is measured.
    """

    def __init__(self, run: RunView) -> None:
        self._run = run

    def collect(self) -> Iterator[Metric]:
        """Yield every measure."""
        for measure in MEASURES:
            kind = CounterMetricFamily if measure.counts else GaugeMetricFamily
            name = PREFIX + measure.name + ("_bytes" if measure.unit == "By" else "")
            family = kind(name, measure.help, labels=measure.labels)
            for labels, value in measure.read(self._run):
                family.add_metric(labels, value)
            yield family
        times = HistogramMetricFamily(f"{PREFIX}{RESPONSE}_seconds", RESPONSE_HELP, labels=(TYPE,))
        for name, series in self._run.live().series.items():
            response = series.response
            buckets = [(str(bound), count) for bound, count in zip(BOUNDS, cumulative_counts(response), strict=True)]
            times.add_metric((name,), [*buckets, ("+Inf", response.count)], response.total / MICROSECONDS)
        yield times


def serve_metrics(run: RunView, host: str, port: int) -> WSGIServer:
    """Serve the measures of a run; return the server, which runs already.

    Raises:
        ValueError: If the address cannot be used; one line.
    """
    registry = CollectorRegistry()
    registry.register(RunCollector(run))
    server = WSGIServer((host, port), make_wsgi_app(registry), log=None)
    try:
        server.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise ValueError(f"--metrics-port {port}: cannot listen on {host}: {reason}") from error
    return server
