"""Sequences of first messages."""

from __future__ import annotations

import base64

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.placeholders import DAMAGES
from hanami_conformance.stateful.strategies.primitives import step, texts, wrong

TARGETS = ["file_upload", "cluster"]
NEAR_TARGETS = [
    "FILE_UPLOAD",
    "Cluster",
    "file_upload ",
    " cluster",
    "file-upload",
    "files",
    "file_uploads",
    "file_uploa",
]
SNIPPETS = ["[", "{", '{"a":', "[]", "{}", "null", "1", '"', "token", "{{", "\\", "]", "\u00e4", "0" * 50]

right_targets = st.sampled_from(TARGETS).map(lambda name: ["value", name])
near_targets = st.sampled_from(NEAR_TARGETS).map(lambda name: ["value", name])
right_tokens = st.just(["right"])
wrong_tokens = st.integers(0, DAMAGES - 1).map(lambda how: [f"damaged {how}"]) | wrong()
uuids = st.sampled_from([["file"], ["label"], ["cluster"], ["dataset"]])
by = st.integers(0, 200)
chunk = st.integers(0, 1)

firsts = st.one_of(
    step("first", token=right_tokens, uuid=uuids, target=right_targets, by=by, chunk=chunk),
    step("first", token=wrong_tokens, uuid=uuids, target=right_targets, by=by, chunk=chunk),
    step("first", token=right_tokens, uuid=wrong(), target=right_targets, by=by, chunk=chunk),
    step("first", token=right_tokens, uuid=uuids, target=near_targets | wrong(), by=by, chunk=chunk),
    step("cut", length=st.integers(0, 400)),
    step("text", text=st.sampled_from(SNIPPETS) | texts(20), times=st.sampled_from([1, 1, 2, 50, 3000])),
    step("binary", bytes=st.binary(max_size=30).map(lambda data: base64.b64encode(data).decode())),
)


@st.composite
def first_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Sequences of first messages: one or several, each on a socket of its own."""
    return draw(st.lists(firsts, min_size=1, max_size=most_steps // 2))
