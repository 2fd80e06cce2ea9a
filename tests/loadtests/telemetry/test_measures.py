"""Measures and settings of the export, without a run."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.telemetry import settings
from hanami_loadtests.telemetry.measures import BOUNDS, MEASURES, cumulative_counts
from hanami_loadtests.telemetry.prometheus import RunCollector
from hanami_loadtests.telemetry.settings import telemetry_settings
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.series import Series
from support.paths import ROOT


class Run:
    """A run with one type of message."""

    in_flight, user_count = 3, 7

    def live(self) -> Recorder:
        return Recorder(series={"upload chunk": Series(succeeded=5, failed=1, bytes_up=100)})

    def overdue(self) -> dict[str, int]:
        return {"upload chunk": 2}


def test_every_measure_has_a_value_for_each_of_its_labels() -> None:
    found = {measure.name: dict(measure.read(Run())) for measure in MEASURES}
    assert found["users"] == {(): 7}
    assert found["in_flight"] == {(): 3}
    assert found["overdue"] == {("upload chunk",): 2}
    assert found["messages"]["upload chunk", "succeeded"] == 5
    assert found["messages"]["upload chunk", "failed"] == 1
    assert found["payload"] == {("upload chunk", "up"): 100, ("upload chunk", "down"): 0}
    for measure in MEASURES:
        assert {len(labels) for labels in found[measure.name]} == {len(measure.labels)}


def test_buckets_count_the_times_up_to_their_bound() -> None:
    times = Histogram()
    for milliseconds in (0.4, 3, 70, 70_000):
        times.record(int(milliseconds * 1000))
    counts = dict(zip(BOUNDS, cumulative_counts(times), strict=True))
    assert [counts[bound] for bound in (0.0005, 0.002, 0.005, 0.05, 0.1, 30.0)] == [1, 1, 2, 2, 3, 3]


def test_the_dashboard_and_its_page_name_metrics_that_there_are() -> None:
    registry = CollectorRegistry()
    registry.register(RunCollector(Run()))
    served = set(re.findall(r"^(hanami_load_\w+)", generate_latest(registry).decode(), re.MULTILINE))
    dashboard, page = (
        (ROOT / "docs" / "how-to" / name).read_text(encoding="utf-8")
        for name in ("load/grafana-dashboard.json", "load-telemetry.md")
    )
    used = set(re.findall(r"hanami_load_\w+", dashboard))
    assert len(used) == 6
    assert used <= served
    described = set(re.findall(r"hanami_load_\w+", page))
    assert {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in served} == described


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PACKAGES", ("hanami_proto", "no_such_package.sdk"))
    assert telemetry_settings({}).metrics is None
    for given, option in (({"otlp": "http://127.0.0.1:4318"}, "--otlp"), ({"metrics_port": "9464"}, "--metrics-port")):
        with pytest.raises(ValueError, match=f"^{option} needs more packages: pip install 'hanami-conformance"):
            telemetry_settings(given)
