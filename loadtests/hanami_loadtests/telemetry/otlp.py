"""Metrics and traces to an OpenTelemetry collector, by OTLP over HTTP, through the official SDK.

The SDK obeys its own environment variables, such as ``OTEL_EXPORTER_OTLP_HEADERS`` and ``OTEL_TRACES_SAMPLER``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hanami_conformance import __version__
from hanami_loadtests.engine.failures import LoadFailure
from hanami_loadtests.engine.tracing import Tracing
from hanami_loadtests.telemetry.measures import BOUNDS, MEASURES, RESPONSE, RESPONSE_HELP, TYPE, Measure, RunView

NAME = "hanami-load"
PREFIX = "hanami.load."
EXPORT_SECONDS = 2.0  # that one export may take
CLOSE_SECONDS = 5.0  # that the last exports may take
INTERVAL_VARIABLE, INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL", 5000.0  # milliseconds between two exports of metrics


class _Spans(OTLPSpanExporter):
    """Exports spans, and counts failed exports."""

    failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        self.failed += result is not SpanExportResult.SUCCESS
        return result


class _Metrics(OTLPMetricExporter):
    """Exports metrics, and counts failed exports."""

    failed = 0

    def export(self, metrics_data: MetricsData, timeout_millis: float | None = None, **more: Any) -> MetricExportResult:
        result = super().export(metrics_data, timeout_millis, **more)
        self.failed += result is not MetricExportResult.SUCCESS
        return result


class OtlpTracing(Tracing):
    """A span for each call and each handshake, with ``traceparent`` in the request.

    Args:
        tracer: Tracer of the SDK.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def exchange(self, series: str) -> Iterator[Mapping[str, str]]:
        """See :class:`Tracing`."""
        span = self._tracer.start_span(series, kind=SpanKind.CLIENT)
        headers: dict[str, str] = {}
        self._propagator.inject(headers, set_span_in_context(span))
        try:
            yield headers
        except LoadFailure as error:
            span.set_attribute("error.type", error.kind)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            raise
        finally:
            span.end()


class Otlp:
    """The export of one process.

    Args:
        url: Address of the collector.
        run: Load run that is measured.
        instance: Name of the process.
        has_totals: Whether this process exports what is summed up over all processes.

    Attributes:
        tracing: Traces of the exchanges of this process.
    """

    def __init__(self, url: str, run: RunView, instance: str, *, has_totals: bool) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it logs tracebacks; see :meth:`close`
        self._url = url
        base, seconds = url.rstrip("/"), EXPORT_SECONDS
        resource = Resource({SERVICE_NAME: NAME, SERVICE_VERSION: __version__, SERVICE_INSTANCE_ID: instance}).merge(
            Resource.create() if "OTEL_SERVICE_NAME" in os.environ else Resource({})
        )
        self._spans = _Spans(endpoint=f"{base}/v1/traces", timeout=seconds)
        self._metrics = _Metrics(endpoint=f"{base}/v1/metrics", timeout=seconds)
        self._tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracer_provider.add_span_processor(BatchSpanProcessor(self._spans))
        interval = float(os.environ.get(INTERVAL_VARIABLE) or INTERVAL)
        reader = PeriodicExportingMetricReader(self._metrics, interval, EXPORT_SECONDS * 1000)
        self._meter_provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        meter = self._meter_provider.get_meter(NAME, __version__)
        for measure in MEASURES if has_totals else ():
            create = meter.create_observable_counter if measure.counts else meter.create_observable_gauge
            create(PREFIX + measure.name, [_callback(measure, run)], measure.unit, measure.help)
        self._response = meter.create_histogram(
            PREFIX + RESPONSE, "s", RESPONSE_HELP, explicit_bucket_boundaries_advisory=list(BOUNDS)
        )
        self.tracing = OtlpTracing(self._tracer_provider.get_tracer(NAME, __version__))

    def record(self, series: str, seconds: float) -> None:
        """Record the response time of a verified answer."""
        self._response.record(seconds, {TYPE: series})

    def close(self) -> str:
        """Export what is left; return a line if the collector did not take everything, empty if it did."""
        with gevent.Timeout(CLOSE_SECONDS, False):  # type: ignore[arg-type] # False: it ends the block silently
            self._tracer_provider.shutdown()
            self._meter_provider.shutdown(CLOSE_SECONDS * 1000)
        if not (failed := self._spans.failed + self._metrics.failed):
            return ""
        return f"{failed} exports to {self._url} failed: check the address of the collector (--otlp)"


def _callback(measure: Measure, run: RunView) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterator[Observation]:
        for labels, value in measure.read(run):
            yield Observation(value, dict(zip(measure.labels, labels, strict=True)))

    return observe
