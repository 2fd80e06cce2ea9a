"""Results for pages, one of them of a hostile server."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

from hanami_proto.codec import Codec
from hanami_reports.model.conformance import (
    CaseResult,
    Event,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)

CODEC = Codec.for_schema("brick")
TEN_MIB = 10 << 20
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
HOSTILE = f"{SCRIPT}</script></style>&amp; \x00\x07\x1b[31m \u202egnp.exe \ud800"
NOT_UTF8 = b'{"error": "\xff\xfe\xc3\x28 ' + SCRIPT.encode() + b'"}'
BIG = b'{"answer": "' + b"A" * TEN_MIB + b'"}'
BIG_DIGEST = hashlib.sha256(BIG).hexdigest()
WORKFLOWS = (("Attach", "step 2"), ("Upload", "step 3"), ("Upload", "step 4"), ("Direct interaction", "step 3"))


def event(at: float, channel: str, direction: str, kind: str, summary: str, payload: bytes = b"") -> Event:
    """An event with its payload as bytes."""
    return Event(at, channel, direction, kind, summary, base64.b64encode(payload).decode())


def upload_exchange() -> tuple[Event, ...]:
    """Of an upload: REST calls and a socket."""
    first = json.dumps({"token": "[token]", "uuid": "u", "target": "file_upload"}).encode()
    answer = b'{"uuid": "u", "complete": true}'
    return (
        event(0.001, "rest-1", "sent", "http", 'POST /v1/csv/dataset {"name": "x"}', b'{"name": "x"}'),
        event(0.002, "rest-1", "received", "http", '200 {"uuid": "u"}', b'{"uuid": "u"}'),
        event(0.003, "ws-1", "sent", "open", "websocket handshake with ws://h:1/"),
        event(0.004, "ws-1", "received", "open", "websocket open"),
        event(0.005, "ws-1", "sent", "text", f"text {first.decode()}", first),
        event(0.006, "ws-1", "received", "binary", "binary", b'{"success": true}'),
        event(
            0.007, "ws-1", "sent", "binary", "FileUpload position=4096 ...", CODEC.encode_chunk(4096, b"hello world")
        ),
        event(
            0.008, "ws-1", "received", "binary", "FileUploadResponse", CODEC.encode_acknowledgement(False, "beyond it")
        ),
        event(2.5, "ws-1", "note", "close", "connection reset by the suite"),
        event(2.6, "rest-2", "sent", "http", "GET /v1/dataset/progress?uuid=u "),
        event(2.7, "rest-2", "received", "http", f"200 {answer.decode()}", answer),
    )


def cluster_exchange() -> tuple[Event, ...]:
    """Of a cluster: values there and back."""
    first = json.dumps({"token": "[token]", "uuid": "u", "target": "cluster"}).encode()
    return (
        event(0.1, "ws-1", "sent", "text", f"text {first.decode()}", first),
        event(0.2, "ws-1", "received", "text", 'text {"success": 1}', b'{"success": 1}'),
        event(0.3, "ws-1", "sent", "binary", "ClusterIO", CODEC.encode_io("test_input", [0.5] * 12, is_last=True)),
        event(0.4, "ws-1", "received", "binary", "ClusterIO", CODEC.encode_io("out", [1.0, 0.25], is_last=True)),
        event(0.5, "ws-1", "received", "binary", "what is none", b"\xff\xff\xff"),
    )


def hostile_exchange() -> tuple[Event, ...]:
    """Of a server that answers markup, control characters, invalid UTF-8 and far too much."""
    cut = f"200 AAAA (cut after 1 MiB: {len(BIG)} bytes, sha256 {BIG_DIGEST})"
    return (
        event(0.1, "rest-1", "sent", "http", "GET /v1/x "),
        event(0.2, "rest-1", "received", "http", f"500 {HOSTILE}", NOT_UTF8),
        event(0.3, "rest-2", "received", "http", cut, BIG[: 1 << 20]),
        event(0.4, HOSTILE, "received", "text", f"text {HOSTILE}", SCRIPT.encode()),
        event(0.5, "ws-2", "received", "close", f"close 1000 {HOSTILE}"),
        Event(0.6, "ws-2", "received", "binary", "no base64", "<script>!"),
    )


def case(index: int, outcome: Outcome, requirement: str, exchange: Sequence[Event] = (), text: str = "") -> CaseResult:
    """A case of one requirement."""
    passed = outcome is Outcome.PASSED
    failed = outcome is Outcome.FAILED
    return CaseResult(
        id=f"test_x.py::test_of_{requirement.lower().replace('-', '_')}[{index}{text}]",
        title=f"What a server must do.{text}",
        requirements=(requirement,),
        outcome=outcome,
        violated=(requirement,) if outcome in (Outcome.FAILED, Outcome.KNOWN) else (),
        reason="" if passed else f"expected this of {requirement}; actual that{text}",
        expected=f"this of {requirement}{text}" if failed else "",
        actual=f"that{text}" if failed else "",
        duration=0.5,
        exchanges=7,
        checks=3,
        exchange=tuple(exchange),
        sequence='{"sequence": 1}' if index == 7 else "",
        known=f"why{text}" if outcome is Outcome.KNOWN else "",
        server_log=f"line 1\nline 2{text}" if outcome is Outcome.LOST else "",
    )


def run_of(cases: Sequence[CaseResult], *, status: int = ExitStatus.NOT_CONFORMANT, text: str = "") -> RunResult:
    """The result of a run with these cases; the worst of them is the verdict on their requirement."""
    verdicts = {
        Outcome.PASSED: Verdict.PASS,
        Outcome.FAILED: Verdict.FAIL,
        Outcome.KNOWN: Verdict.KNOWN,
        Outcome.UNSUPPORTED: Verdict.UNSUPPORTED,
        Outcome.LOST: Verdict.LOST,
        Outcome.VACUOUS: Verdict.VACUOUS,
    }
    requirements = []
    for index, name in enumerate(dict.fromkeys(name for case in cases for name in case.requirements)):
        own = [case for case in cases if name in case.requirements]
        worst = next((case for case in own if case.outcome is not Outcome.PASSED), own[0])
        workflow, step = WORKFLOWS[index % len(WORKFLOWS)]
        requirements.append(
            RequirementResult(
                name,
                list(Level)[index % 3],
                workflow,
                step,
                f"the sentence of {name}{text}",
                verdicts.get(worst.outcome, Verdict.NOT_RUN),
                worst.reason,
                tuple(case.id for case in own),
            )
        )
    manifest = {
        "duration": 12.5,
        "started": "2026-01-02T03:04:05+00:00",
        "dialect": "documented",
        "target": {"url": f"http://h:1{text}", "user": "alice"},
        "options": {"profile": "gate"},
    }
    left = (f"csv left{text}",) if text else ()
    return RunResult(manifest, status, "", tuple(requirements), tuple(cases), left)


def mixed() -> RunResult:
    """Something of everything."""
    return run_of(
        [
            case(1, Outcome.PASSED, "ATT-1"),
            case(2, Outcome.PASSED, "ATT-1"),
            case(3, Outcome.FAILED, "DATA-2", upload_exchange()),
            case(4, Outcome.PASSED, "DATA-2"),
            case(5, Outcome.KNOWN, "DATA-5", upload_exchange()[:4]),
            case(6, Outcome.UNSUPPORTED, "PROG-4"),
            case(7, Outcome.FAILED, "DIO-3", cluster_exchange()),
            case(8, Outcome.LOST, "GEN-2", upload_exchange()[:3]),
        ]
    )


def hostile() -> RunResult:
    """Of a server that wants to be executed."""
    return run_of([case(1, Outcome.FAILED, "DATA-2", hostile_exchange(), HOSTILE)], text=HOSTILE)


def large(cases: int, events: int) -> RunResult:
    """Of very many cases, one in ten of which failed, with exchanges of ``events`` events."""
    step = upload_exchange()
    exchange = [step[index % len(step)] for index in range(events)]
    return run_of(
        [
            case(
                index,
                Outcome.PASSED if index % 10 else Outcome.FAILED,
                f"S-{index % 59}",
                () if index % 10 else exchange,
            )
            for index in range(cases)
        ]
    )
