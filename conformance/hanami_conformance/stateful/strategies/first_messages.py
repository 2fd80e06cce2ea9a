"""Strategies of first messages."""

from __future__ import annotations

import base64

from hypothesis import strategies as st

from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.placeholders import DAMAGES
from hanami_conformance.stateful.strategies.primitives import invalid_value, step, texts

TARGETS = ["file_upload", "cluster"]
NEAR_MISS_TARGETS = [
    *("FILE_UPLOAD", "Cluster", "file_upload ", " cluster"),
    *("file-upload", "files", "file_uploads", "file_uploa"),
]
SNIPPETS = ["[", "{", '{"a":', "[]", "{}", "null", "1", '"', "token", "{{", "\\", "]", "\u00e4", "0" * 50]

valid_targets = st.sampled_from(TARGETS).map(lambda name: ["value", name])
near_miss_targets = st.sampled_from(NEAR_MISS_TARGETS).map(lambda name: ["value", name])
valid_tokens = st.just(["right"])
invalid_tokens = st.integers(0, DAMAGES - 1).map(lambda how: [f"damaged {how}"]) | invalid_value()
uuids = st.sampled_from([["file"], ["label"], ["cluster"], ["dataset"]])
by = st.integers(0, 200)
chunk = st.integers(0, 1)

first_message_steps = st.one_of(
    step("first_message", token=valid_tokens, uuid=uuids, target=valid_targets, by=by, chunk=chunk),
    step("first_message", token=invalid_tokens, uuid=uuids, target=valid_targets, by=by, chunk=chunk),
    step("first_message", token=valid_tokens, uuid=invalid_value(), target=valid_targets, by=by, chunk=chunk),
    step(
        "first_message", token=valid_tokens, uuid=uuids, target=near_miss_targets | invalid_value(), by=by, chunk=chunk
    ),
    step("truncated", length=st.integers(0, 400)),
    step("text", text=st.sampled_from(SNIPPETS) | texts(20), times=st.sampled_from([1, 1, 2, 50, 3000])),
    step("binary", bytes=st.binary(max_size=30).map(lambda data: base64.b64encode(data).decode())),
)


@st.composite
def first_sequences(draw: st.DrawFn, most_steps: int) -> list[Step]:
    """Return one or several first messages, each for a socket of its own."""
    return draw(st.lists(first_message_steps, min_size=1, max_size=most_steps // 2))
