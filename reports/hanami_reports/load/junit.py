"""JUnit XML of a load run: a test case for each limit.

A broken limit is a ``failure``. A limit of which nothing can be said is an ``error``, as is a run that nothing can be
said of: the load was not made as asked, so CI should neither call the target slow nor the run a success.
"""

from __future__ import annotations

from xml.etree import ElementTree

from hanami_reports.common.junit import clean, document, totals
from hanami_reports.load.tables import named, said_of, target_of
from hanami_reports.model.load import LimitResult, LoadResult, RunState


def load_junit(result: LoadResult) -> str:
    """Return the result as JUnit XML, one suite."""
    started = str(result.manifest.get("started", "")).split("+", maxsplit=1)[0]
    suite = ElementTree.Element("testsuite", {"name": "limits", "timestamp": clean(started), "hostname": "localhost"})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("target", target_of(result)), ("state", result.state.value)):
        ElementTree.SubElement(properties, "property", {"name": name, "value": clean(value)})
    suite.set("time", f"{result.duration:.3f}")
    entries = [_limit(limit) for limit in result.limits]
    red = {RunState.FAIL: "failure", RunState.INVALID: "error"}
    told = red.get(result.state, "error")
    if result.state is not RunState.PASS and not any(entry.find(told) is not None for entry in entries):
        # What no limit tells must not look like a success.
        entries.append(_case("run", told, result.state.value, "; ".join(result.reasons) or result.state.value))
    return document("hanami-load", [totals(suite, entries)], result.duration)


def _limit(limit: LimitResult) -> ElementTree.Element:
    kind = {RunState.PASS: "", RunState.FAIL: "failure"}.get(limit.state, "error")
    return _case(f"{named(limit)} {limit.bound}", kind, limit.state.value, said_of(limit))


def _case(name: str, kind: str, state: str, says: str) -> ElementTree.Element:
    element = ElementTree.Element("testcase", {"classname": "limits", "name": clean(name), "time": "0.000"})
    if kind:
        ElementTree.SubElement(element, kind, {"type": state, "message": clean(says)}).text = clean(says)
    return element
