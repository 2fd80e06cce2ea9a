"""The login: with user and password, or with an existing token."""

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
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_conformance.options.target import Credentials
from hanami_proto.dialect import Dialect, base64_text, dialect_names, load_dialect

TOKEN_RESERVE = 60.0  # seconds that a token must still be valid when a case begins
READY_POLL = 0.25  # seconds between two requests to a server that is not ready yet


@dataclass(frozen=True)
class Login:
    """The result of a login.

    Attributes:
        token: Token for all other requests.
        is_admin: Whether the target says so; unknown, and so False, for an existing token.
    """

    token: str = field(repr=False)
    is_admin: bool = False


def log_in(rest: RestClient, dialect: Dialect, timeouts: AdaptiveTimeout, credentials: Credentials, name: str) -> Login:
    """Log an account in, waiting for a server that is not ready yet.

    Args:
        rest: REST client of the target.
        dialect: Dialect of the target.
        timeouts: Time that a server may take until it is ready.
        credentials: Credentials of the account.
        name: Name of the account, for messages.

    Raises:
        TargetRejectedConfiguration: If the target does not know the user or the token, or redirects to another address.
        TargetDown: If the target gives no usable answer.
    """
    register_secrets(credentials, name)
    if credentials.token and not is_token_text(credentials.token):
        raise TargetRejectedConfiguration(f"the token of the {name} has characters that no header can carry")
    answer = _wait_for_answer(rest, dialect, timeouts, credentials)
    if credentials.token:
        if answer.status in (400, 401, 403):
            raise TargetRejectedConfiguration(f"the target rejects the token of the {name}: {answer}")
        if answer.status != 200:
            raise TargetDown(f"{rest.url} is no usable target: {answer}")
        return Login(credentials.token)
    if answer.status in (400, 401, 403, 404):
        raise TargetRejectedConfiguration(
            f"the target rejects the {name} {credentials.user!r}: "
            f"{dialect.route('token.create')} answered {answer}{_dialect_hint(rest, dialect, credentials)}"
        )
    token = token_from(answer)
    if not is_token_text(token):
        # The answer itself is not printed: it may hold a token under another name.
        raise TargetDown(
            f"no token for the {name}: the target answered {answer.status} without a token that a header can carry"
        )
    SECRETS.add(token, f"token of the {name}")
    return Login(token, is_admin=answer.object().get("is_admin") is True)


def _wait_for_answer(
    rest: RestClient, dialect: Dialect, timeouts: AdaptiveTimeout, credentials: Credentials
) -> RestResponse:
    ready_by = Deadline.after(timeouts.setting)
    while True:
        try:
            answer = request_login(rest, dialect, credentials)
        except (ResponseTimeout, ConnectionClosed) as error:
            raise TargetDown(f"{rest.url} is no usable target: {error}") from error
        if redirected := redirect_error(rest, answer):
            raise redirected
        if not answer.failed or ready_by.passed:
            return answer
        time.sleep(READY_POLL)


def register_secrets(credentials: Credentials, name: str) -> None:
    """Register the credentials for redaction."""
    SECRETS.add(credentials.password, f"password of the {name}")
    SECRETS.add(base64_text(credentials.password), f"password of the {name}")
    SECRETS.add(credentials.token, f"token of the {name}")


def request_login(rest: RestClient, dialect: Dialect, credentials: Credentials) -> RestResponse:
    """Return the answer to a login in a dialect: to POST token, or to a harmless GET with an existing token.

    Raises:
        ResponseTimeout, ConnectionClosed, TargetDown: See :meth:`RestClient.request`.
    """
    if credentials.token:
        route = dialect.route("dataset.list")
        return rest.request(route.method, route.path, token=credentials.token)
    route = dialect.route("token.create")
    body = json.dumps(dialect.login(credentials.user, credentials.password)).encode()
    return rest.request(route.method, route.path, content=body)


def redirect_error(rest: RestClient, answer: RestResponse) -> TargetRejectedConfiguration | None:
    """Return the error of a target that redirects a login, None if it does not.

    No redirect is followed: the account would go to an address that nobody gave.
    """
    if not answer.redirect:
        return None
    address = answer.redirect.removesuffix(answer.request.partition(" ")[2])
    return TargetRejectedConfiguration(
        f"{rest.url} redirects {answer.request} to {printable_line(answer.redirect)}: if that is the server, give "
        f"--target {printable_line(address)}; credentials are sent to no other address than the given one"
    )


def token_from(answer: RestResponse) -> str:
    """Return the token in an answer, empty where there is none."""
    try:
        token = answer.object().get("token")
    except Violation:
        return ""
    return token if isinstance(token, str) else ""


def _dialect_hint(rest: RestClient, dialect: Dialect, credentials: Credentials) -> str:
    """Return a hint if the login works in another dialect, empty otherwise."""
    for name in dialect_names():
        if name != dialect.name:
            with contextlib.suppress(ResponseTimeout, ConnectionClosed, TargetDown):
                if request_login(rest, load_dialect(name), credentials).status == 200:
                    return f"; it answers to the dialect {name}: give --dialect {name}"
    return ""


def expires_soon(token: str) -> bool:
    """Return whether a token is a JWT that is about to expire."""
    try:
        claims = token.split(".")[1]
        expiry = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return float(expiry) - time.time() < TOKEN_RESERVE
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, OverflowError):
        return False  # no JWT, or one without an expiry
