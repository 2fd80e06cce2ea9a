"""The page of a very large result: drawn, and opened in a browser, beside only reading its JSON."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.dialect import load_dialect
from hanami_reports.conformance.html.page import LIMIT, conformance_page
from hanami_reports.model.conformance import (
    CaseResult,
    Event,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
    parse_result,
)
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.servers import Servers
from tools.bench.statistics import Aim, Sample

CASES = 10_000
REQUIREMENTS = 59
EVENTS = 100  # of each case that failed
FAILING = 10  # one case in so many: 100,000 events in all
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_TIMEOUT = 60_000  # milliseconds; only reached when something is broken

DRAW = "read and draw"
READ = "parse the JSON alone"
OPEN = "open in Chromium"


class PageMeasurement(Measurement):
    """A page of 10,000 cases and 100,000 recorded events."""

    name = "page"
    title = f"a result of {CASES:,} cases and {CASES // FAILING * EVENTS:,} events, in pages"
    ratio_title = "time: read a result and draw its page / parse its JSON"
    aim = Aim(10, at_least=False)
    is_timed = False

    @contextmanager
    def sides(self, servers: Servers, plan: Plan) -> Iterator[Mapping[str, Side]]:  # noqa: ARG002 - needs neither
        """See :meth:`Measurement.sides`. Opening is measured where there is a Chromium."""
        text = large_result().to_json()
        page = conformance_page(parse_result(text))
        size = len(page.encode())
        if size >= LIMIT:
            raise ProcessError(f"the page has {size:,} bytes, {LIMIT:,} are too many")
        sides: dict[str, Side] = {
            DRAW: lambda _: _timed(lambda: conformance_page(parse_result(text)), size),
            READ: lambda _: _timed(lambda: json.loads(text), len(text)),
        }
        browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
        if browser is None:
            yield sides
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "page.html"
            file.write_text(page, encoding="utf-8")
            with _opener(browser, file) as opened:
                yield sides | {OPEN: lambda _: _timed(opened, size)}

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[DRAW].seconds / samples[READ].seconds


def large_result() -> RunResult:
    """Return a result of 10,000 cases; one in ten failed, with an exchange of 100 events each."""
    codec = load_dialect().codec
    chunk = base64.b64encode(codec.encode_chunk(4096, bytes(range(256)))).decode("ascii")
    answer = base64.b64encode(codec.encode_acknowledgement(True)).decode("ascii")
    first = base64.b64encode(b'{"token": "[token]", "uuid": "u", "target": "file_upload"}').decode("ascii")
    exchange = (
        Event(0.0, "ws-1", "sent", "text", "text {...}", first),
        *(
            Event(0.001 * number, "ws-1", "sent", "binary", "FileUpload position=4096 data=256 bytes", chunk)
            if number % 2
            else Event(0.001 * number, "ws-1", "received", "binary", "FileUploadResponse success = true", answer)
            for number in range(1, EVENTS)
        ),
    )
    names = [f"LARGE-{number}" for number in range(REQUIREMENTS)]
    cases = [
        CaseResult(
            id=f"test_large.py::test_of_requirement_{number % REQUIREMENTS}[{number}]",
            title="The server does what it must.",
            requirements=(names[number % REQUIREMENTS],),
            outcome=Outcome.PASSED if number % FAILING else Outcome.FAILED,
            violated=() if number % FAILING else (names[number % REQUIREMENTS],),
            reason="" if number % FAILING else "expected success = false; actual success = true",
            expected="" if number % FAILING else "success = false",
            actual="" if number % FAILING else "success = true",
            duration=0.01,
            exchanges=EVENTS // 2,
            checks=EVENTS // 2,
            exchange=() if number % FAILING else exchange,
        )
        for number in range(CASES)
    ]
    requirements = [
        RequirementResult(
            name,
            Level.MUST,
            "Upload",
            "upload step 3",
            "chunks are taken as they come",
            Verdict.FAIL,
            cases=tuple(case.id for case in cases[number::REQUIREMENTS]),
        )
        for number, name in enumerate(names)
    ]
    manifest = {"duration": 100.0, "dialect": "documented", "target": {"url": "http://127.0.0.1:1"}}
    return RunResult(manifest, ExitStatus.NOT_CONFORMANT, "", tuple(requirements), tuple(cases))


def _timed(work: Callable[[], object], size: int) -> Sample:
    began = time.perf_counter()
    work()
    return Sample(1, time.perf_counter() - began, size)


@contextmanager
def _opener(browser: str, file: Path) -> Iterator[Callable[[], None]]:
    """Open a page in a new tab, until its filters can be used."""
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - only tests and this need it
    except ModuleNotFoundError as error:
        raise ProcessError("playwright is not installed: pip install '.[dev]'") from error
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(
                executable_path=browser, args=["--no-sandbox", "--disable-gpu"], timeout=BROWSER_TIMEOUT
            )
        except Error as error:
            raise ProcessError(f"{browser} does not start: {str(error).splitlines()[0]}") from error

        def opened() -> None:
            tab = running.new_page()
            tab.goto(file.as_uri(), timeout=BROWSER_TIMEOUT)
            tab.locator("#controls").wait_for(timeout=BROWSER_TIMEOUT)
            tab.close()

        try:
            yield opened
        finally:
            running.close()
