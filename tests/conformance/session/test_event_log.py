"""``run --events FILE`` records the events of all cases while the run goes on, secrets redacted."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.session.event_log import EventLog
from hanami_reports.cli.main import main
from hanami_reports.conformance.export.ndjson import read_events
from hanami_reports.model.conformance import ExitStatus
from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE, SECOND

QUICK = ("--profile", "smoke", "--database", "none")


def test_all_cases_have_their_events(tmp_path: Path) -> None:
    with faulty_backend() as url:
        selection = ("--requirement", "DATA-11", "--requirement", "ATT-3")
        run = run_suite(
            *("--target", url, *ALICE, *SECOND, *QUICK, *selection, "--events", "events.ndjson"), cwd=tmp_path
        )
    assert run.returncode in (ExitStatus.CONFORMANT, ExitStatus.NOTHING_RAN), run.stderr
    recorded = read_events(tmp_path / "events.ndjson")
    cases = result_of(tmp_path)["cases"]
    assert {one.id: one.outcome for one in recorded.cases} == {one["id"]: one["outcome"] for one in cases}
    sent = Counter[str]()
    for exchange in recorded.exchanges:
        sent[exchange.case.id] += sum(event.direction == "sent" for event in exchange.events)
    assert sent == {one["id"]: one["exchanges"] for one in cases if one["exchanges"]}
    sequences = [one for one in recorded.exchanges if one.sequence]
    assert len(sequences) == sum(one["sequences"] for one in cases) > 1
    assert [one.started for one in recorded.exchanges] == sorted(one.started for one in recorded.exchanges)
    text = (tmp_path / "events.ndjson").read_text()
    assert "[token of the first user]" in text
    assert "very-secret" not in text
    assert "X-Auth-Token: eyJ" not in text
    assert any(event.frames for exchange in recorded.exchanges for event in exchange.events)


def test_the_events_of_passed_cases_are_exported(tmp_path: Path) -> None:
    run = run_suite("--target", "reference", *QUICK, "--requirement", "PROG-1", "--events", "e.ndjson", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    for name in ("har", "pcap"):
        assert main(["export", str(tmp_path / "e.ndjson"), "--format", name]) == 0
    log = json.loads((tmp_path / "e.har").read_text())["log"]
    assert {page["title"].rpartition(" ")[2] for page in log["pages"]} == {"(passed)"}
    assert all(entry["response"]["status"] for entry in log["entries"])
    assert (tmp_path / "e.pcapng").stat().st_size > 1000


def test_a_file_that_cannot_be_written_ends_the_run_before_any_case(tmp_path: Path) -> None:
    run = run_suite("--target", "reference", *QUICK, "--events", "missing/events.ndjson", cwd=tmp_path)
    assert run.returncode == ExitStatus.USAGE
    (line,) = run.stderr.strip().splitlines()
    assert line.endswith(
        "cannot write events to missing/events.ndjson: No such file or directory; choose another file with --events"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    run = run_suite("--target", "reference", *QUICK, "--requirement", "PROG-1", "--events", "/dev/full", cwd=tmp_path)
    assert run.returncode == ExitStatus.USAGE
    (line,) = run.stderr.strip().splitlines()
    assert "cannot write events to /dev/full: No space left on device; choose another file" in line


def test_a_file_that_fails_during_the_run_is_reported_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = EventLog(pipe)
    log.open({})
    assert os.read(reader, 1000).startswith(b'{"type": "run"')
    case = CaseRecording("f::t")
    log.begin_case(case)
    case.note("ws-1", "reset", "connection reset by the suite")
    log.write_exchange(case)
    assert b"connection reset" in os.read(reader, 1000)
    assert log.failure == ""
    os.close(reader)
    for _ in range(2):
        case.restart_record()
        log.write_exchange(case)
        case.note("ws-1", "reset", "connection reset by the suite")
    assert log.failure == f"cannot write events to {pipe}: Broken pipe"
    log.close()
