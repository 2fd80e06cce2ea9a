"""Errors that reject requests, and safe text for their messages."""

from __future__ import annotations

from http import HTTPStatus

MAX_REASON = 200  # characters of a reason; longer input is not worth repeating
MAX_CLOSE_REASON = 123  # bytes of UTF-8 that fit into a close frame (RFC 6455, 5.5)


def clean(text: str) -> str:
    """Return a text as one line of at most ``MAX_REASON`` characters, control characters and surrogates escaped."""
    line = "".join(letter if letter.isprintable() else _escape(letter) for letter in text[: MAX_REASON + 1])
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 3] + "..."


def clean_close_reason(text: str) -> str:
    """Return a clean text that fits into a close frame, without splitting a character."""
    return clean(text).encode()[:MAX_CLOSE_REASON].decode(errors="ignore")


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


class RequestError(Exception):
    """A rejected request.

    Attributes:
        status: HTTP status, 400 to 499.
        reason: One line for the client.
        close: Whether the connection ends after the response, because the rest of the request was not read.
    """

    def __init__(self, status: HTTPStatus, reason: str, *, close: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = clean(reason)
        self.close = close


def bad_request(reason: str) -> RequestError:
    """Return the error for an invalid request (400)."""
    return RequestError(HTTPStatus.BAD_REQUEST, reason)


def unauthorized(reason: str) -> RequestError:
    """Return the error for a missing or invalid token, or a failed login (401)."""
    return RequestError(HTTPStatus.UNAUTHORIZED, reason)


def not_found(reason: str) -> RequestError:
    """Return the error for a resource that this user has not (404), whether or not another user has it."""
    return RequestError(HTTPStatus.NOT_FOUND, reason)


def conflict(reason: str) -> RequestError:
    """Return the error for a valid request that the state of the resource does not allow (409)."""
    return RequestError(HTTPStatus.CONFLICT, reason)


def too_large(reason: str, *, close: bool = False) -> RequestError:
    """Return the error for a request above a limit of the server (413)."""
    return RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason, close=close)
