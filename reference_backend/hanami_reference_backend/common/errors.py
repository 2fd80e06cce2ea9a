"""Refusals: what is answered to a mistake of the client, and how hostile text is made fit to be shown."""

from __future__ import annotations

from http import HTTPStatus

MAX_REASON = 200  # characters of a reason; longer input is not worth repeating
MAX_CLOSE_REASON = 123  # bytes of UTF-8 that fit into a close frame (RFC 6455, 5.5)


def clean(text: str) -> str:
    """``text`` on one line, without control characters or lone surrogates, at most ``MAX_REASON`` characters."""
    shown = "".join(letter if letter.isprintable() else _escape(letter) for letter in text[: MAX_REASON + 1])
    return shown if len(shown) <= MAX_REASON else shown[: MAX_REASON - 3] + "..."


def clean_close_reason(text: str) -> str:
    """``text`` cleaned and cut to what a close frame can carry, without splitting a character."""
    return clean(text).encode()[:MAX_CLOSE_REASON].decode(errors="ignore")


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


class RequestError(Exception):
    """A request that is refused.

    Attributes:
        status: HTTP status, 400 to 499.
        reason: one line for the client.
        close: whether the connection ends after the answer, because a rest of the request was left unread.
    """

    def __init__(self, status: HTTPStatus, reason: str, *, close: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = clean(reason)
        self.close = close


def bad_request(reason: str) -> RequestError:
    """Return the request itself is wrong (400)."""
    return RequestError(HTTPStatus.BAD_REQUEST, reason)


def unauthorized(reason: str) -> RequestError:
    """No valid token, or no such user with that password (401)."""
    return RequestError(HTTPStatus.UNAUTHORIZED, reason)


def not_found(reason: str) -> RequestError:
    """Unknown to this user, whether or not somebody else knows it (404)."""
    return RequestError(HTTPStatus.NOT_FOUND, reason)


def conflict(reason: str) -> RequestError:
    """Right in itself, but not now (409)."""
    return RequestError(HTTPStatus.CONFLICT, reason)


def too_large(reason: str, *, close: bool = False) -> RequestError:
    """More than a limit of the server (413)."""
    return RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason, close=close)
