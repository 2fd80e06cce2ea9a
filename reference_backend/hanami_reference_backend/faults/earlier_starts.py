"""Uuids that show whether an earlier start of the server has issued them, for faults that appear after a restart.

The reference backend keeps nothing, unlike a server with a database. A mark in each uuid stands for its row there.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from hanami_reference_backend.common.identity import RandomIdentity
from hanami_reference_backend.faults.patch import replace_method

MARK = 8  # digits at the end of a uuid that follow from the others


@cache
def _issued() -> set[str]:
    """Mark the uuids that this process issues from now on, and record them."""
    issued: set[str] = set()

    @replace_method(RandomIdentity, "uuid")
    def uuid(original: Any, identity: RandomIdentity) -> str:
        marked = _marked(original(identity))
        issued.add(marked)
        return marked

    return issued


def mark_uuids() -> None:
    """Let :func:`is_from_an_earlier_start` recognise the uuids that are issued from now on."""
    _issued()


def is_from_an_earlier_start(uuid: str) -> bool:
    """Return whether an earlier start of the server has issued a uuid."""
    return len(uuid) > MARK and uuid == _marked(uuid) and uuid not in _issued()


def _marked(uuid: str) -> str:
    rest = uuid[:-MARK]
    return rest + hashlib.sha256(rest.encode()).hexdigest()[:MARK]
