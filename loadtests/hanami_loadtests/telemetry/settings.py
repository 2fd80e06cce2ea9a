"""The options of the export, and whether its packages are installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from hanami_loadtests.options import METRICS_HOST, METRICS_PORT, OTLP
from hanami_loadtests.ports import LOOPBACK

PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http", "prometheus_client")


@dataclass(frozen=True)
class TelemetrySettings:
    """Where metrics and traces go.

    Attributes:
        otlp: Address of an OpenTelemetry collector, empty for none.
        metrics: Host and port of the endpoint for Prometheus, None for none.
    """

    otlp: str
    metrics: tuple[str, int] | None


def telemetry_settings(given: Mapping[str, Any]) -> TelemetrySettings:
    """Return the settings of the export.

    Args:
        given: Option ``dest`` to its text.

    Raises:
        ValueError: If an option is wrong or a package is missing; one line that says what would be right.
    """
    otlp, host, port = (option.value(given.get(option.dest)) for option in (OTLP, METRICS_HOST, METRICS_PORT))
    if host and not port:
        raise ValueError(f"--metrics-host {host}: has no effect without --metrics-port")
    if (otlp or port) and not all(map(_is_installed, PACKAGES)):
        needed = "--otlp" if otlp else "--metrics-port"
        raise ValueError(f"{needed} needs more packages: pip install 'hanami-conformance[load,otel]'")
    return TelemetrySettings(otlp or "", (host or LOOPBACK, port) if port else None)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # one that it is part of
        return False
