"""Tokens and uuids that must be refused, made from right ones."""

from __future__ import annotations

import base64
import uuid as uuids
from collections.abc import Callable
from typing import Any

from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.target.target import Target

OMITTED = object()  # stands for a field that is not sent at all


def invalid_token(kind: str, target: Target) -> Any:
    """Return a token of a kind that authorises nothing."""
    good = target.account.token
    if kind == "missing":
        return OMITTED
    if kind == "expired":
        if not target.expired_token:
            raise Unsupported("needs a token that was valid once (--expired-token)")
        return target.expired_token
    if kind in ("unsigned", "tampered", "of another user") and (good.count(".") != 2 or good.endswith(".")):
        raise Unsupported("the target's tokens are no JWT, so they cannot be taken apart")
    makers: dict[str, Callable[[], Any]] = {
        "empty": lambda: "",
        "malformed": lambda: "this-is-no-token",
        "cut short": lambda: good[: len(good) // 2],
        "tampered": lambda: tampered(good),
        "unsigned": lambda: unsigned(good),
        "a number": lambda: 42,
        "null": lambda: None,
    }
    made = makers[kind]()
    if isinstance(made, str):
        SECRETS.add(made, f"{kind} token")
    return made


def tampered(token: str) -> str:
    """Return the token with one character in the middle of its signature changed."""
    head, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def unsigned(token: str) -> str:
    """Return the same claims under the algorithm ``none``, without a signature."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


INVALID_UUIDS: dict[str, Any] = {
    "unknown": str(uuids.UUID(int=0x0123456789AB4CDEF123456789ABCDEF & ~(0x3 << 62) | (0x2 << 62))),
    "malformed": "not-a-uuid",
    "empty": "",
    "missing": OMITTED,
    "a number": 7,
    "null": None,
}
