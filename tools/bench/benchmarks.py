"""All measurements. A new one is a module of its own, and a line here."""

from __future__ import annotations

from tools.bench.blocking import BlockingMeasurement
from tools.bench.generator import RequestSpeed, UploadCost, UploadSpeed
from tools.bench.measurement import Measurement
from tools.bench.page import PageMeasurement
from tools.bench.request import RequestMeasurement
from tools.bench.sockets import SocketsMeasurement
from tools.bench.suite_benchmark import GateMeasurement, GateWithWorkersMeasurement
from tools.bench.upload import UploadMeasurement

_ALL: tuple[Measurement, ...] = (
    UploadMeasurement(),
    RequestMeasurement(),
    UploadSpeed(),
    UploadCost(),
    RequestSpeed(),
    SocketsMeasurement(),
    GateMeasurement(),
    GateWithWorkersMeasurement(),
    PageMeasurement(),
    BlockingMeasurement(),
)

MEASUREMENTS: dict[str, Measurement] = {measurement.name: measurement for measurement in _ALL}
