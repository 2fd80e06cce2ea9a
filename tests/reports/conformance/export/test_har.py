"""An HTTP archive has the exchanges as the network panels of browsers expect them."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime
from typing import Any

import pytest

from hanami_reports.conformance.export.exchanges import recorded_run
from hanami_reports.conformance.export.har import write_har
from hanami_reports.model.conformance import Outcome, RunResult
from support.conformance_results import HOSTILE, case, hostile, large, mixed, run_of
from support.recorded_exchanges import (
    CUT,
    FIRST_MESSAGE,
    TOKEN,
    WHOLE_SIZE,
    recorded,
    recorded_result,
    rest_exchange,
)

# What HAR 1.2 requires of each object, and the type of each.
ENTRY = {"pageref": str, "startedDateTime": str, "time": float, "request": dict, "response": dict, "cache": dict}
REQUEST = {"method": str, "url": str, "httpVersion": str, "cookies": list, "headers": list, "queryString": list}
RESPONSE = {"status": int, "statusText": str, "httpVersion": str, "cookies": list, "headers": list, "content": dict}
SIZES = {"headersSize": int, "bodySize": int}


def har(result: RunResult) -> dict[str, Any]:
    file = io.BytesIO()
    write_har(recorded_run(result, "result.json"), file)
    log: dict[str, Any] = json.loads(file.getvalue())["log"]
    return log


def entries() -> dict[str, dict[str, Any]]:
    """The entries of the recorded exchange by their connections."""
    return {entry["connection"]: entry for entry in har(recorded_result())["entries"]}


@pytest.mark.parametrize("result", [recorded_result(), mixed(), hostile(), large(50, 30)])
def test_it_has_everything_that_the_format_requires(result: RunResult) -> None:
    log = har(result)
    assert log["version"] == "1.2"
    pages = {page["id"]: page for page in log["pages"]}
    assert len(pages) == len(log["pages"]) > 0
    for page in pages.values():
        assert datetime.fromisoformat(page["startedDateTime"]).tzinfo
        assert page["title"]
        assert page["pageTimings"] == {"onContentLoad": -1, "onLoad": -1}
    for entry in log["entries"]:
        for data, fields in (
            (entry, ENTRY),
            (entry["request"], REQUEST | SIZES),
            (entry["response"], RESPONSE | SIZES | {"redirectURL": str}),
            (entry["response"]["content"], {"size": int, "mimeType": str}),
        ):
            assert {name: type(data[name]) for name in fields} == fields
        assert entry["pageref"] in pages
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo
        assert entry["timings"].keys() == {"send", "wait", "receive"}
        assert sum(entry["timings"].values()) == entry["time"]


def test_a_case_is_a_page() -> None:
    (page,) = har(recorded_result())["pages"]
    assert page["title"] == "test_x.py::test_of_data_2[3] (failed, DATA-2)"
    assert page["startedDateTime"] == "2026-01-02T03:04:05.123456Z"
    assert page["comment"] == "expected this of DATA-2; actual close 1008 'no'"


def test_a_rest_call_has_request_and_response() -> None:
    call = entries()["rest-1"]
    assert call["startedDateTime"] == "2026-01-02T03:04:05.223456Z"
    assert call["time"] == 250
    request, response = call["request"], call["response"]
    assert (request["method"], request["url"]) == ("POST", "http://h:1/v1/csv/dataset?a=b+c")
    assert request["queryString"] == [{"name": "a", "value": "b c"}]
    assert {"name": "X-Auth-Token", "value": TOKEN} in request["headers"]
    assert request["postData"] == {"mimeType": "application/json", "text": '{"a": 1}'}
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert response["content"] == {"size": 13, "mimeType": "application/json", "text": '{"uuid": "u"}'}


def test_a_body_that_is_no_text_is_in_base64() -> None:
    response = entries()["rest-2"]["response"]
    assert response["content"] == {"size": 2, "mimeType": "text/plain", "text": "/wA=", "encoding": "base64"}


@pytest.mark.parametrize(
    ("channel", "why"),
    [("rest-3", "no answer within 10 s"), ("rest-4", "no connection: Connection refused")],
)
def test_a_call_without_a_response_says_why(channel: str, why: str) -> None:
    response = entries()[channel]["response"]
    assert (response["status"], response["_error"]) == (0, why)


def test_a_websocket_has_the_messages_as_chrome_has_them() -> None:
    socket = entries()["ws-1"]
    assert socket["request"]["url"] == "ws://h:1/"
    assert socket["response"]["status"] == 101
    assert socket["_resourceType"] == "websocket"
    assert socket["comment"] == "violates DATA-2; close 1008 'no'"
    messages = socket["_webSocketMessages"]
    assert [(one["type"], one["opcode"]) for one in messages] == [
        ("send", 1),
        ("receive", 2),
        ("send", 2),
        ("receive", 2),
        ("send", 2),
    ]
    assert messages[0]["data"] == FIRST_MESSAGE.decode()
    assert base64.b64decode(messages[1]["data"]) == b'{"success": 1}'
    assert base64.b64decode(messages[4]["data"]) == b"abcd"
    assert messages[0]["time"] == pytest.approx(1767323045.123456 + 1.2)


def test_a_request_of_bytes_is_an_entry_if_it_is_one() -> None:
    found = entries()
    assert found["tcp-1"]["request"]["url"] == "http://h:1/a"
    assert found["tcp-1"]["response"]["status"] == 400
    assert "tcp-2" not in found


def test_a_body_that_was_cut_says_so_and_has_its_whole_size() -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n"
    request = rest_exchange()[0]
    answer = recorded(0.2, "rest-1", "received", "http", f"200 AA {CUT}", b"A" * (1 << 20), head=head)
    (entry,) = har(run_of([case(1, Outcome.FAILED, "FIN-2", (request, answer))]))["entries"]
    content = entry["response"]["content"]
    assert content["size"] == entry["response"]["bodySize"] == WHOLE_SIZE
    assert content["comment"].startswith(f"cut after 1048576 of {WHOLE_SIZE} bytes, sha256 ")
    assert len(content["text"]) == 1 << 20


def test_texts_of_a_hostile_server_are_data() -> None:
    text = json.dumps(har(hostile()))
    assert json.dumps(HOSTILE[:20])[1:-1] in text
