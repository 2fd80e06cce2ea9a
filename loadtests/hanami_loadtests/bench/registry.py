"""All measurements. A new one is a module of its own, and a line here."""

from __future__ import annotations

from hanami_loadtests.bench.gate import GateMeasurement
from hanami_loadtests.bench.generator import RequestSpeed, UploadCost, UploadSpeed
from hanami_loadtests.bench.measurement import Measurement
from hanami_loadtests.bench.page import PageMeasurement
from hanami_loadtests.bench.request import RequestMeasurement
from hanami_loadtests.bench.sockets import SocketsMeasurement
from hanami_loadtests.bench.upload import UploadMeasurement

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
