"""Logging in: with user and password, or with a token that is there already."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from dataclasses import dataclass, field

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    ResponseTimeout,
    TargetDown,
    TargetRejectedConfiguration,
    Violation,
)
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.json_response import is_token_text
from hanami_conformance.clients.rest import RestClient, RestResponse
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.options.target import Credentials
from hanami_proto.dialect import Dialect, dialect_names, load_dialect

TOKEN_RESERVE = 60.0  # seconds that a token must still be valid when a case begins
READY_POLL = 0.25  # seconds between two questions to a server that is not ready yet


@dataclass(frozen=True)
class Login:
    """What a target told somebody who logged in.

    Attributes:
        token: for everything else.
        is_admin: whether it says so; nobody knows of somebody who came with a token.
    """

    token: str = field(repr=False)
    is_admin: bool = False


def log_in(rest: RestClient, dialect: Dialect, timeouts: AdaptiveTimeout, credentials: Credentials, name: str) -> Login:
    """Log an account in, waiting for a server that is not ready yet.

    Args:
        rest: of the target.
        dialect: of the target.
        timeouts: how long a server may take until it is ready.
        credentials: of the account.
        name: of the account, for messages.

    Raises:
        TargetRejectedConfiguration: the target knows no such user, or not this token.
        TargetDown: the target gives no usable answer.
    """
    hide(credentials, name)
    if credentials.token and not is_token_text(credentials.token):
        raise TargetRejectedConfiguration(f"the token of the {name} has characters that no header can carry")
    ready_by = Deadline.after(timeouts.setting)
    while True:
        try:
            answer = ask(rest, dialect, credentials)
        except (ResponseTimeout, ConnectionClosed) as error:
            raise TargetDown(f"{rest.url} is no usable target: {error}") from error
        if answer.status < 500 or ready_by.passed:
            break
        time.sleep(READY_POLL)
    if credentials.token:
        if answer.status in (400, 401, 403):
            raise TargetRejectedConfiguration(f"the target refuses the token of the {name}: {answer}")
        if answer.status != 200:
            raise TargetDown(f"{rest.url} is no usable target: {answer}")
        return Login(credentials.token)
    if answer.status in (400, 401, 403, 404):
        raise TargetRejectedConfiguration(
            f"the target refuses the {name} {credentials.user!r}: "
            f"{dialect.route('token.create')} answered {answer}{_dialect_hint(rest, dialect, credentials)}"
        )
    token = token_of(answer)
    if not is_token_text(token):
        # The answer itself is not shown: it may hold a token under another name.
        raise TargetDown(
            f"no token for the {name}: the target answered {answer.status} without a token that a header can carry"
        )
    SECRETS.add(token, f"token of the {name}")
    return Login(token, is_admin=answer.object().get("is_admin") is True)


def hide(credentials: Credentials, name: str) -> None:
    """Let nothing of the credentials reach output."""
    SECRETS.add(credentials.password, f"password of the {name}")
    SECRETS.add(credentials.token, f"token of the {name}")


def ask(rest: RestClient, dialect: Dialect, credentials: Credentials) -> RestResponse:
    """Return the answer to a login in a dialect: to POST token, or to a harmless GET with a token that is there.

    Raises:
        ResponseTimeout, ConnectionClosed, TargetDown: see :meth:`RestClient.request`.
    """
    if credentials.token:
        route = dialect.route("dataset.list")
        return rest.request(route.method, route.path, token=credentials.token)
    route = dialect.route("token.create")
    body = json.dumps({"id": credentials.user, "password": credentials.password}).encode()
    return rest.request(route.method, route.path, content=body)


def token_of(answer: RestResponse) -> str:
    """Return the token in an answer, empty where there is none."""
    try:
        token = answer.object().get("token")
    except Violation:
        return ""
    return token if isinstance(token, str) else ""


def _dialect_hint(rest: RestClient, dialect: Dialect, credentials: Credentials) -> str:
    """Whether another dialect would have let the user in, in words."""
    for name in dialect_names():
        if name != dialect.name:
            with contextlib.suppress(ResponseTimeout, ConnectionClosed, TargetDown):
                if ask(rest, load_dialect(name), credentials).status == 200:
                    return f"; it answers to the dialect {name}: give --dialect {name}"
    return ""


def expires_soon(token: str) -> bool:
    """Whether a token is a JWT that is about to expire."""
    try:
        claims = token.split(".")[1]
        expiry = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return float(expiry) - time.time() < TOKEN_RESERVE
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, OverflowError):
        return False  # no JWT, or one that does not tell
