"""Invalid tokens and uuids, made from valid ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid as uuids
from collections.abc import Callable
from typing import Any

from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.target.target import Target

# Invalid tokens that are made from a valid one, which must be a JWT.
OF_A_JWT = ("unsigned", "unsigned in capitals", "tampered", "with other claims", "signed with an empty key")
REST_TOKENS = ("missing", "empty", "malformed", "expired", *OF_A_JWT)  # invalid ones of every REST call


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
    if kind in OF_A_JWT and (valid.count(".") != 2 or valid.endswith(".")):
        raise Unsupported("the target's tokens are no JWT, so they cannot be taken apart")
    makers: dict[str, Callable[[], Any]] = {
        "empty": lambda: "",
        "malformed": lambda: "this-is-no-token",
        "cut short": lambda: valid[: len(valid) // 2],
        "tampered": lambda: _tampered(valid),
        "unsigned": lambda: _unsigned(valid),
        "unsigned in capitals": lambda: _unsigned(valid, "NONE"),
        "with other claims": lambda: _with_other_claims(valid),
        "signed with an empty key": lambda: _signed_with_nothing(valid),
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


def _unsigned(token: str, algorithm: str = "none") -> str:
    """Return the same claims with an algorithm that signs nothing, and without a signature."""
    header = _base64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    return f"{header}.{token.split('.')[1]}."


def _with_other_claims(token: str) -> str:
    """Return a token that lives a second longer, with the signature of the given one."""
    header, payload, signature = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        changed = {**claims, "exp": claims["exp"] + 1}
    except (ValueError, TypeError, LookupError) as error:
        raise Unsupported("the claims of the target's tokens cannot be changed") from error
    return f"{header}.{_base64url(json.dumps(changed).encode())}.{signature}"


def _signed_with_nothing(token: str) -> str:
    """Return the same header and claims, signed with an empty key."""
    signed, _, _ = token.rpartition(".")
    return f"{signed}.{_base64url(hmac.digest(b'', signed.encode(), hashlib.sha256))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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
