"""Exchanges as an HTTP archive (HAR 1.2), which the network panels of browsers open.

A case is a page, each REST call and each websocket an entry. The messages of a websocket are those of Chrome's
``_webSocketMessages``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any
from urllib.parse import parse_qsl, urlsplit

from hanami_reports.common.text import one_line
from hanami_reports.conformance.export.exchanges import Exchange, RecordedRun, iso_time
from hanami_reports.conformance.export.http_message import END, HttpHead
from hanami_reports.conformance.recorded_bytes import cut_of, event_bytes
from hanami_reports.model.conformance import Event

NOTE = (
    "Secrets are redacted: bodies and sizes are those of the redacted text. Fragmented websocket messages are whole, "
    "pings and malformed frames are not listed."
)
OPCODES = {"text": 1, "binary": 2}
_METHOD_LIMIT = 40  # characters; what is longer is no method
_Json = dict[str, Any]


def write_har(run: RecordedRun, file: IO[bytes]) -> None:
    """Write the archive of a run."""
    pages, entries = [], []
    for number, exchange in enumerate(run.exchanges, start=1):
        page = f"page_{number}"
        own = [entry for events in exchange.channels().values() for entry in _entries(events, exchange, run)]
        if own:
            pages.append(_page(page, exchange))
            own.sort(key=lambda entry: str(entry["startedDateTime"]))
            entries += [{"pageref": page, **entry} for entry in own]
    log = {
        "version": "1.2",
        "creator": {"name": "hanami-conformance", "version": str(run.manifest.get("suite", ""))},
        "pages": pages,
        "entries": entries,
        "comment": NOTE,
    }
    text = json.dumps({"log": log}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    file.write(text.encode("utf-8", "backslashreplace"))  # of a lone surrogate it makes its escape in JSON


def _page(name: str, exchange: Exchange) -> _Json:
    case = exchange.case
    words = [case.outcome.value, *case.violated]
    page: _Json = {
        "startedDateTime": iso_time(exchange.started),
        "id": name,
        "title": f"{exchange.title} ({', '.join(words)})",
        "pageTimings": {"onContentLoad": -1, "onLoad": -1},
    }
    if case.expected or case.reason:
        page["comment"] = f"expected {case.expected}; actual {case.actual}" if case.expected else case.reason
    return page


def _entries(events: Sequence[Event], exchange: Exchange, run: RecordedRun) -> Iterator[_Json]:
    if any(event.kind == "open" for event in events):
        yield _websocket(events, exchange, run)
        return
    request: Event | None = None
    body = b""
    for event in events:
        if event.direction == "sent":  # a request of bytes may be sent in parts
            request = request or event
            body += event_bytes(event)
        elif request is not None:
            yield from _call(request, body, event, exchange, run)
            request, body = None, b""
    if request is not None:
        yield from _call(request, body, None, exchange, run)


def _call(request: Event, body: bytes, answer: Event | None, exchange: Exchange, run: RecordedRun) -> Iterator[_Json]:
    if request.kind == "http":
        head = HttpHead.of(request)
    else:
        text, _, body = body.partition(END.encode())
        head = HttpHead.parse(text.decode("latin-1"))
        method, target, version = head.words()
        if not (version.startswith("HTTP/") and method.isalpha() and len(method) < _METHOD_LIMIT and target):
            return  # bytes that are no request
    yield _entry(
        request,
        answer or request,
        _request(head, body, request, run),
        _no_response("no answer was recorded") if answer is None else _response(answer),
        exchange,
    )


def _websocket(events: Sequence[Event], exchange: Exchange, run: RecordedRun) -> _Json:
    opened = events[0]
    answers = [event for event in events if event.kind == "open" and event.direction == "received"]
    answer = answers[0] if answers else next((event for event in events[1:] if event.direction != "sent"), None)
    entry = _entry(
        opened,
        events[-1],
        _request(HttpHead.of(opened), b"", opened, run, scheme={"http": "ws", "https": "wss"}),
        _no_response("no answer was recorded") if answer is None else _response(answer),
        exchange,
    )
    entry["_resourceType"] = "websocket"
    entry["_webSocketMessages"] = [_message(event, exchange) for event in events if event.kind in OPCODES]
    notes = [entry["comment"]] if "comment" in entry else []
    notes += [one_line(event.summary) for event in events if event.kind not in (*OPCODES, "open")]
    if notes:
        entry["comment"] = "; ".join(notes)
    return entry


def _message(event: Event, exchange: Exchange) -> _Json:
    data = event_bytes(event)
    is_text = event.kind == "text"
    return {
        "type": "send" if event.direction == "sent" else "receive",
        "time": exchange.time(event).timestamp(),
        "opcode": OPCODES[event.kind],
        "data": data.decode("utf-8", "replace") if is_text else _base64(data),
    }


def _entry(first: Event, last: Event, request: _Json, response: _Json, exchange: Exchange) -> _Json:
    milliseconds = round((last.at - first.at) * 1000, 3)
    entry = {
        "startedDateTime": iso_time(exchange.time(first)),
        "time": milliseconds,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "connection": first.channel,
        "_resourceType": "fetch",
    }
    shown = exchange.events[exchange.violating] if exchange.violating >= 0 else None
    if shown is not None and shown.channel == first.channel and first.at <= shown.at <= last.at:
        entry["comment"] = f"violates {', '.join(exchange.case.violated)}"
    return entry


def _request(
    head: HttpHead, body: bytes, event: Event, run: RecordedRun, scheme: dict[str, str] | None = None
) -> _Json:
    method, target, version = head.words()
    address = run.target
    url = f"{(scheme or {}).get(address.scheme, address.scheme)}://{address.netloc}{target}"
    request: _Json = {
        "method": method,
        "url": url,
        "httpVersion": version,
        "cookies": [],
        "headers": _headers(head),
        "queryString": [
            {"name": name, "value": value} for name, value in parse_qsl(_query(target), keep_blank_values=True)
        ],
        "headersSize": len(head.to_bytes()) if head.headers else -1,
        "bodySize": len(body),
    }
    if body:
        request["postData"] = {"mimeType": head.value("content-type"), **_text(body, event, "_encoding")}
    return request


def _query(target: str) -> str:
    try:
        return urlsplit(target).query
    except ValueError:
        return ""


def _response(answer: Event) -> _Json:
    if answer.direction != "received" or answer.kind not in ("http", "open"):
        return _no_response(answer.summary)
    head = HttpHead.of(answer)
    version, status, reason = head.words()
    if not (status.isascii() and status.isdigit()):
        return _no_response(answer.summary)
    body = event_bytes(answer)
    cut = cut_of(answer)
    content: _Json = {"size": cut.size if cut else len(body), "mimeType": head.value("content-type") or "x-unknown"}
    if body:
        content |= _text(body, answer, "encoding")
    return {
        "status": int(status),
        "statusText": reason,
        "httpVersion": version,
        "cookies": [],
        "headers": _headers(head),
        "content": content,
        "redirectURL": head.value("location"),
        "headersSize": len(head.to_bytes()) if head.headers else -1,
        "bodySize": cut.size if cut else len(body),
    }


def _no_response(why: str) -> _Json:
    """Return what stands for a response where there is none, as Chrome has it."""
    return {
        "status": 0,
        "statusText": "",
        "httpVersion": "",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "_error": one_line(why),
    }


def _headers(head: HttpHead) -> list[_Json]:
    return [{"name": name, "value": value} for name, value in head.headers]


def _text(body: bytes, event: Event, encoding: str) -> _Json:
    """Return a body as text, or in base64, with the name of the key that says so."""
    try:
        values: _Json = {"text": body.decode()}
    except UnicodeDecodeError:
        values = {"text": _base64(body), encoding: "base64"}
    if cut := cut_of(event):
        values["comment"] = f"cut after {len(body)} of {cut.size} bytes, sha256 {cut.digest}"
    return values


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
