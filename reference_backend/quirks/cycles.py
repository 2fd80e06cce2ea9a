"""What a cluster answers with besides its output is a dummy, and its output may not say that it is the last."""

from __future__ import annotations

from typing import Any

from proto import Codec, ProcessType
from reference_backend.faults.patch import instead
from reference_backend.quirks.profile import Quirks


def answer_by_dummies(_quirks: Quirks) -> None:
    """Give every acknowledgement and end message TRAIN_TYPE, also those of a request."""

    @instead(Codec, "encode_io")
    def dummy(honest: Any, codec: Codec, name: str, values: Any, **fields: Any) -> Any:
        return honest(codec, name, values, **(fields if name else fields | {"process_type": ProcessType.TRAIN}))


def leave_requests_open(quirks: Quirks) -> None:
    """Give no message of the answer to a request isLast = true, where the server is like that."""
    if quirks.requests_end:
        return

    @instead(Codec, "encode_io")
    def unfinished(honest: Any, codec: Codec, name: str, values: Any, **fields: Any) -> Any:
        return honest(codec, name, values, **(fields | {"is_last": False} if name else fields))
