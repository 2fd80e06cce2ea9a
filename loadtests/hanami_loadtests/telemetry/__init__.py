"""Metrics and traces of a load run for other systems: OpenTelemetry and Prometheus, with the extra ``otel``."""
