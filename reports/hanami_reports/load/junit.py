"""JUnit XML of a load run: a test case for each limit.

An exceeded limit is a ``failure``. A limit that allows no conclusion is an ``error``, as is such a run: the load was
not as requested, so CI must neither call the target slow nor the run a success.
"""

from __future__ import annotations

from xml.etree import ElementTree

from hanami_reports.common.junit import case_element, document, suite_element
from hanami_reports.load.tables import limit_name, limit_text, target_address
from hanami_reports.model.load import LimitResult, LoadResult, RunState

_KINDS = {RunState.PASS: "", RunState.FAIL: "failure"}  # all other states are errors


def load_junit(result: LoadResult) -> str:
    """Return the result as JUnit XML."""
    cases = [_limit(limit) for limit in result.limits]
    kind = _KINDS.get(result.state, "error")
    if kind and not any(case.find(kind) is not None for case in cases):
        # A verdict that follows from no limit must not look like a success.
        cases.append(_case("run", kind, result.state, "; ".join(result.reasons) or result.state.value))
    attributes = {
        "name": "limits",
        "timestamp": str(result.manifest.get("started", "")).split("+", maxsplit=1)[0],
        "hostname": "localhost",
        "time": f"{result.duration:.3f}",
    }
    properties = [("target", target_address(result)), ("state", result.state.value)]
    properties += [("TLS", result.certificate_note)] if result.certificate_note else []
    return document("hanami-load", [suite_element(attributes, cases, properties)], result.duration)


def _limit(limit: LimitResult) -> ElementTree.Element:
    name = f"{limit_name(limit)} {limit.bound}"
    return _case(name, _KINDS.get(limit.state, "error"), limit.state, limit_text(limit))


def _case(name: str, kind: str, state: RunState, message: str) -> ElementTree.Element:
    attributes = {"classname": "limits", "name": name, "time": "0.000"}
    return case_element(attributes, kind, {"type": state.value, "message": message}, message)
