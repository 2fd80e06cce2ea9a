"""Strategies of REST calls."""

from __future__ import annotations

import base64
import string
import uuid as uuids

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.executors.rest_calls import BODY_OPERATIONS, TOKEN_OPERATIONS, UUID_OPERATIONS
from hanami_conformance.stateful.placeholders import DAMAGES
from hanami_conformance.stateful.strategies.primitives import invalid_value, nested, step, texts

URL_SAFE = string.ascii_letters + string.digits + "_-"
TAILS = ["", "a", "with blanks", "with-dashes", "\u00e4", "a/b", "a.b", "x" * 300, "tab\t", "end\n", "\u0661"]
NEAR_MISS_NAMES = ["abc", "1abc", " abcd", "_abc", "abcd\n", "a" * 255, "abc\u00e4", "../abcd", "abcd;", "abcd\x00"]
NEAR_MISS_SIZES = [0, -1, 1.5, True, "10", 10_000_000_001, 2**63, 2**64, 10**30, 1e30]
NEAR_MISS_STATES = ["direct", "Task", "DIRECT ", " TASK", "TASKDIRECT", "D", "IDLE", ""]
BODIES = [
    *(b"", b"{", b"}", b"null", b"[]", b"{}", b"{,}", b'{"a":}', b'{"a" 1}'),
    *(b"\xff\xfe", b"NaN", b'"', b"\x00", b"{'a': 1}"),
]
NEAR_MISS_PATHS = [
    *("dataset/", "dataset/progres", "clusters", "mnist", "csv/dataset/x"),
    *("token/..", "dataset/all/all", "%00", "%"),
]

names = st.just(["ours"])
sizes = (st.integers(1, 3000) | st.sampled_from([1, 2, 131_072, 1 << 20])).map(lambda size: ["value", size])
near_miss_names = st.sampled_from(NEAR_MISS_NAMES).map(lambda name: ["value", name])
near_miss_sizes = st.sampled_from(NEAR_MISS_SIZES).map(lambda size: ["value", size])
kinds = st.sampled_from(["csv", "mnist"])
long_tails = st.integers(225, 240).map(lambda length: "x" * length)  # for names of about 254 characters
tails = st.sampled_from(TAILS) | texts(12) | long_tails
states = st.sampled_from(["TASK", "DIRECT"]).map(lambda state: ["value", state])
near_miss_states = st.sampled_from(NEAR_MISS_STATES).map(lambda state: ["value", state])
segments = st.text(URL_SAFE, min_size=1, max_size=10)
nothing: st.SearchStrategy[dict[str, object]] = st.just({})
by = st.integers(0, 200)
invalid_token_steps = step(
    "token",
    operation=st.sampled_from(TOKEN_OPERATIONS),
    token=st.integers(0, DAMAGES - 1).map(lambda how: [f"damaged {how}"])
    | st.just(["missing"])
    | st.text(string.ascii_letters + ".-_", max_size=30).map(lambda text: ["value", text]),
    by=by,
)


def init(**arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    """Return a call that starts an upload, valid but for the given arguments."""
    valid = {"kind": kinds, "name": names, "tail": tails, "input_size": sizes, "label_size": sizes, "more": nothing}
    return step("init", **{**valid, **arguments})


def unknown_uuids() -> st.SearchStrategy[str]:
    """Return unknown uuids, well-formed and malformed ones, and other texts."""
    version_4 = st.integers(0, 2**128 - 1).map(lambda number: str(uuids.UUID(int=number, version=4)))
    return version_4 | version_4.map(str.upper) | version_4.map(lambda text: text[:-1]) | texts(40)


call_steps = st.one_of(
    init(tail=st.just("")),
    init(),
    init(name=near_miss_names | invalid_value()),
    init(input_size=near_miss_sizes | invalid_value()),
    init(label_size=near_miss_sizes | invalid_value(), kind=st.just("mnist")),
    init(more=st.dictionaries(st.sampled_from(["x", "uuid", "label_size", ""]), nested, min_size=1, max_size=2)),
    step("mode", uuid=st.just(["right"]), state=states),
    step("mode", uuid=st.just(["right"]), state=near_miss_states | invalid_value()),
    step("mode", uuid=st.just(["upload"]) | invalid_value(), state=states),
    step("get_unknown", operation=st.sampled_from(UUID_OPERATIONS), uuid=unknown_uuids()),
    step(
        "path",
        method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
        path=st.sampled_from(NEAR_MISS_PATHS) | st.lists(segments, min_size=1, max_size=3).map("/".join),
    ),
    step(
        "body",
        operation=st.sampled_from(BODY_OPERATIONS),
        bytes=(st.sampled_from(BODIES) | st.binary(max_size=20)).map(lambda data: base64.b64encode(data).decode()),
    ),
    step("object", operation=st.sampled_from(BODY_OPERATIONS), body=st.dictionaries(texts(8), nested, max_size=3)),
    invalid_token_steps,
)


@st.composite
def call_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Return sequences of REST calls, each with at least one call with an invalid token.

    Left to chance, one of its operations was missing in some runs, because Hypothesis repeats itself.
    """
    steps = draw(st.lists(call_steps, max_size=most_steps - 1))
    steps.insert(draw(st.integers(0, len(steps))), draw(invalid_token_steps))
    return steps
