from __future__ import annotations

from typing import Any

import pytest

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.server.crash_bisect import ExecutedCase
from hanami_conformance.server.crashed_siblings import CrashedSiblings
from hanami_reports.model.conformance import CaseResult, Event, Outcome

SILENT = "it takes connections and is silent"


class Item:
    def __init__(self, name: str) -> None:
        self.nodeid = f"suite/test_upload_init.py::{name}"


def lost(name: str, *, loss: str = "its process ended with signal 11", sent: str = "POST /csv {}") -> ExecutedCase:
    item: Any = Item(name)
    exchange = (Event(0.1, "rest-7", "sent", "http", sent, ""), Event(0.2, "rest-7", "received", "http", "200", ""))
    result = CaseResult(f"test_upload_init.py::{name}", "", ("INIT-5",), Outcome.LOST, loss=loss, exchange=exchange)
    return ExecutedCase(item, result, CaseRecording(name))


def skipped(*crashes: ExecutedCase, name: str = "test_body[c]") -> str:
    siblings = CrashedSiblings()
    for ran in crashes:
        siblings.add(ran)
    item: Any = Item(name)
    return siblings.skip_reason(item)


def test_the_third_case_is_skipped_after_two_that_are_alike() -> None:
    first, second = lost("test_body[a]", sent="POST /csv [1]"), lost("test_body[b]", sent='POST /csv "x"')
    assert skipped(first, second) == (
        "test_upload_init.py::test_body[a] and test_upload_init.py::test_body[b] lost the target alike: its process "
        "ended with signal *, sent last: rest POST /csv *"
    )


@pytest.mark.parametrize(
    ("crashes", "name"),
    [
        ([lost("test_body[a]")], "test_body[c]"),
        ([lost("test_body[a]"), lost("test_body[b]", loss=SILENT)], "test_body[c]"),
        ([lost("test_body[a]"), lost("test_body[b]", sent="POST /mnist {}")], "test_body[c]"),
        ([lost("test_body[a]"), lost("test_other[b]")], "test_body[c]"),
        ([lost("test_body[a]"), lost("test_body[b]")], "test_other[c]"),
    ],
    ids=["one", "another symptom", "another message", "another test", "the next test"],
)
def test_cases_that_are_not_alike_run(crashes: list[ExecutedCase], name: str) -> None:
    assert skipped(*crashes, name=name) == ""


def test_a_crash_is_known_by_its_test_symptom_and_message() -> None:
    siblings = CrashedSiblings()
    siblings.add(lost("test_body[a]", sent="GET /csv?uuid=6f0c7ac2-3d8c-4d8e-9f49-3b1c7f0c7ac2"))
    assert siblings.crashed_alike(lost("test_body[b]", sent="GET /csv?uuid=0"))
    assert not siblings.crashed_alike(lost("test_body[b]", sent="GET /mnist?uuid=0"))
    assert not siblings.crashed_alike(lost("test_body[b]", sent="GET /csv?uuid=0", loss=SILENT))


def test_messages_that_are_none_are_alike() -> None:
    siblings = CrashedSiblings()
    siblings.add(lost("test_bytes[JSON]", sent="JSON: 43 bytes 7b 22 62 72 ..."))
    assert siblings.crashed_alike(lost("test_bytes[random]", sent="random bytes: 203 bytes ff ff e4 22 ..."))
    assert not siblings.crashed_alike(lost("test_bytes[c]", sent="ClusterIO 'test_inpu' TRAIN numberOfValues=0"))


def test_names_of_bricks_make_no_difference() -> None:
    siblings = CrashedSiblings()
    siblings.add(lost("test_brick[a]", sent="ClusterIO 'no_such_brick' REQUEST numberOfValues=12 [0.1]"))
    assert siblings.crashed_alike(lost("test_brick[b]", sent="ClusterIO 'test_inpu' REQUEST numberOfValues=2 [0.5]"))
    assert not siblings.crashed_alike(lost("test_brick[b]", sent="ClusterIO 'test_inpu' TRAIN numberOfValues=2 [0.5]"))
