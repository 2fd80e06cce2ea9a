"""Metrics and traces of a real run: an OpenTelemetry collector and a scrape of Prometheus get what the report says."""

from __future__ import annotations

import gzip
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hanami_loadtests.ports import free_port
from support.hostile_servers import Relay
from support.load_runs import COMMAND, LOGIN, easy_limits, load_result_of, run_load
from support.suite_runs import double, faulty_backend
from tools.reference import TIMEOUT, clean_environment

SCENARIOS = ("--scenario", "rest", "--scenario", "direct-request")
KINDS: dict[str, type[Message]] = {
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/traces": ExportTraceServiceRequest,
}
TRACE = re.compile(rb"(?i)traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\r\n")


@contextmanager
def collector() -> Iterator[tuple[str, dict[str, list[Message]]]]:
    """An OpenTelemetry collector, its address, and what it got by path."""
    got: dict[str, list[Message]] = {path: [] for path in KINDS}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            data = gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data
            message = KINDS[self.path]()
            message.ParseFromString(data)
            got[self.path].append(message)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", got
        finally:
            server.shutdown()
            thread.join()


class Capturing(Relay):
    """A relay that keeps what clients send."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.sent: list[bytes] = []

    def received(self, connection: socket.socket) -> bytes:
        data = super().received(connection)
        self.sent.append(data)
        return data


def spans_of(messages: list[Message]) -> list[object]:
    return [
        span
        for message in messages
        for resource in message.resource_spans  # type: ignore[attr-defined]
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_a_collector_gets_metrics_and_spans_whose_ids_the_target_got(tmp_path: Path) -> None:
    with faulty_backend() as url, collector() as (address, got):
        relay = Capturing(int(url.rpartition(":")[2]))
        with double(relay) as target:
            options = ("--users", "2", "--seconds", "3", "--warm-up", "0", "--sockets", "0", "--dialect", "documented")
            run = run_load("--target", target, *SCENARIOS, *options, "--otlp", address, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    series = load_result_of(tmp_path).series
    spans = spans_of(got["/v1/traces"])
    by_name = {name: [one for one in spans if one.name == name] for name in series}  # type: ignore[attr-defined]
    assert len(by_name["attach cluster"]) == 1
    assert len(by_name["rest dataset.progress"]) == series["rest dataset.progress"].sent
    requests = b"".join(relay.sent)
    received = {(trace, span) for trace, span in TRACE.findall(requests)}
    assert received == {(one.trace_id.hex().encode(), one.span_id.hex().encode()) for one in spans}  # type: ignore[attr-defined]
    (handshake,) = (one for one in re.findall(rb"GET / HTTP/1.1.*?\r\n\r\n", requests, re.DOTALL) if b"Upgrade" in one)
    assert TRACE.search(handshake)

    last = got["/v1/metrics"][-1]
    metrics = {
        metric.name: metric
        for resource in last.resource_metrics  # type: ignore[attr-defined]
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    counted = {
        tuple(sorted((pair.key, pair.value.string_value) for pair in point.attributes)): point.as_int
        for point in metrics["hanami.load.messages"].sum.data_points
    }
    key = (("outcome", "succeeded"), ("type", "direct request"))
    assert counted[key] == series["direct request"].succeeded
    (times,) = (
        point
        for point in metrics["hanami.load.response"].histogram.data_points
        if point.attributes[0].value.string_value == "direct request"
    )
    assert times.count == series["direct request"].succeeded


def test_prometheus_reads_the_measures_of_a_run_while_it_lasts(tmp_path: Path) -> None:
    port = free_port()
    words = [*COMMAND, *easy_limits(tmp_path), *SCENARIOS, "--users", "2", "--seconds", "60", "--warm-up", "0"]
    with faulty_backend() as url:
        options = ["--target", url, "--sockets", "0", "--dialect", "documented", "--metrics-port", str(port)]
        run = subprocess.Popen(
            [*words, *options], cwd=tmp_path, env=clean_environment(LOGIN), stdout=subprocess.DEVNULL
        )
        try:
            text, until = "", time.monotonic() + TIMEOUT
            while 'hanami_load_response_seconds_count{type="direct request"}' not in text:
                assert run.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
                text = scraped(port)
        finally:
            run.terminate()
            run.wait(TIMEOUT)
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    assert values["hanami_load_users"] == 2
    assert values["hanami_load_in_flight"] >= 0
    answered = values['hanami_load_messages_total{outcome="succeeded",type="direct request"}']
    assert answered == values['hanami_load_response_seconds_count{type="direct request"}'] > 0
    assert values['hanami_load_response_seconds_bucket{le="+Inf",type="direct request"}'] == answered


def scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_a_collector_that_is_not_there_is_one_line_and_changes_no_verdict(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with faulty_backend() as url:
        options = ("--users", "1", "--seconds", "2", "--warm-up", "0", "--dialect", "documented", "--scenario", "rest")
        run = run_load("--target", url, *options, "--otlp", address, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    (line,) = run.stderr.splitlines()
    assert re.fullmatch(
        rf"WARNING: \d+ exports to {address} failed: check the address of the collector \(--otlp\)", line
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--otlp", "nowhere"), "--otlp 'nowhere': give the address of a collector, such as http://127.0.0.1:4318"),
        (("--metrics-host", "::1"), "--metrics-host ::1: has no effect without --metrics-port"),
        (("--metrics-port", "70000"), "--metrics-port '70000': give a whole number from 1 to 65535"),
    ],
)
def test_a_wrong_option_is_one_line(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    run = run_load("--target", "http://127.0.0.1:1", *options, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (4, f"ERROR: {message}\n")


def test_a_port_that_is_in_use_is_one_line(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other, faulty_backend() as url:
        port = str(other.server_address[1])
        run = run_load("--target", url, "--metrics-port", port, cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert run.stderr == f"ERROR: --metrics-port {port}: cannot listen on 127.0.0.1: Address already in use\n"
