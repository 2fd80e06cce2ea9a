"""All measurements. A new one is a module of its own, and a line here."""

from __future__ import annotations

from loadtests.bench.gate import GateMeasurement
from loadtests.bench.generator import RequestSpeed, UploadCost, UploadSpeed
from loadtests.bench.measurement import Measurement
from loadtests.bench.page import PageMeasurement
from loadtests.bench.request import RequestMeasurement
from loadtests.bench.sockets import SocketsMeasurement
from loadtests.bench.upload import UploadMeasurement

_ALL: tuple[Measurement, ...] = (
    UploadMeasurement(),
    RequestMeasurement(),
    UploadSpeed(),
    UploadCost(),
    RequestSpeed(),
    SocketsMeasurement(),
    GateMeasurement(),
    PageMeasurement(),
)

MEASUREMENTS: dict[str, Measurement] = {measurement.name: measurement for measurement in _ALL}
