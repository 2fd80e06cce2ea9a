"""Invalid tokens and uuids, made from valid ones."""

from __future__ import annotations

import base64
import json
import uuid as uuids
from collections.abc import Callable
from typing import Any

from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.target.target import Target


def message_of(token: Any, uuid: Any, target: Any) -> str:
    """Return a first message without the MISSING fields."""
    return json.dumps(drop_missing({"token": token, "uuid": uuid, "target": target}))


def invalid_token(kind: str, target: Target) -> Any:
    """Return an invalid token of the given kind, or MISSING."""
    valid = target.account.token
    if kind == "missing":
        return MISSING
    if kind == "expired":
        if not target.expired_token:
            raise Unsupported("needs a token that was valid once (--expired-token)")
        return target.expired_token
    if kind in ("unsigned", "tampered") and (valid.count(".") != 2 or valid.endswith(".")):
        raise Unsupported("the target's tokens are no JWT, so they cannot be taken apart")
    makers: dict[str, Callable[[], Any]] = {
        "empty": lambda: "",
        "malformed": lambda: "this-is-no-token",
        "cut short": lambda: valid[: len(valid) // 2],
        "tampered": lambda: _tampered(valid),
        "unsigned": lambda: _unsigned(valid),
        "a number": lambda: 42,
        "null": lambda: None,
        "with a quote": lambda: valid + "'",
        "a condition": lambda: QUERY_LANGUAGE["a condition"],
        "very long": lambda: "a" * VERY_LONG,
    }
    token = makers[kind]()
    if isinstance(token, str):
        SECRETS.add(token, f"{kind} token")
    return token


def invalid_header_token(kind: str, target: Target) -> str | None:
    """Return an invalid token for a REST call, None for a missing one."""
    token = invalid_token(kind, target)
    return None if token is MISSING else str(token)


def _tampered(token: str) -> str:
    """Return the token with one character in the middle of its signature changed."""
    head, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def _unsigned(token: str) -> str:
    """Return the same claims with the algorithm ``none`` and without a signature."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


VERY_LONG = 100_000  # characters, beyond every limit of a field

# Ends of texts that change the query of a database which takes them as they are.
QUERY_LANGUAGE: dict[str, str] = {
    "a quote": "'",
    "a condition": "' OR '1'='1",
    "two quotes": "''",
    "a double quote": '"',
    "a condition in double quotes": '" OR "1"="1',
    "a backtick": "`",
    "a further command": "'; SELECT 1; --",
    "a comment": "/**/",
    "a semicolon": ";",
    "a wildcard": "%",
    "a backslash": "\\",
    "a NUL byte": "\x00",
}

INVALID_UUIDS: dict[str, Any] = {
    "unknown": str(uuids.UUID(int=0x0123456789AB4CDEF123456789ABCDEF & ~(0x3 << 62) | (0x2 << 62))),
    "malformed": "not-a-uuid",
    "empty": "",
    "missing": MISSING,
    "a number": 7,
    "null": None,
}
