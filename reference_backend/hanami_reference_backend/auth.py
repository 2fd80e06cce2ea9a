"""Users and their tokens."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import jwt

from hanami_reference_backend.common.identity import RandomIdentity

ALGORITHM = "HS256"
MAX_TOKEN = 4096  # characters; ours have about 200
DEFAULT_USERS = ("alice:alice-password:alpha", "bob:bob-password:beta")


class InvalidTokenError(Exception):
    """A malformed, foreign or expired token, or one of an unknown user."""


@dataclass(frozen=True)
class User:
    """A user of the server.

    Attributes:
        id: Name for the login.
        password: Password in clear text, since this server lives for a test run only; never printed.
        project_id: Project of the user. Users of a project share its datasets and clusters, others never see them.
        is_admin: Flag that the login returns; it gives no further rights.
    """

    id: str
    password: str
    project_id: str
    is_admin: bool = False

    def __repr__(self) -> str:
        return f"User({self.id!r}, project_id={self.project_id!r}, is_admin={self.is_admin})"

    @staticmethod
    def parse(spec: str) -> User:
        """Read ``ID:PASSWORD:PROJECT[:admin]``.

        Raises:
            ValueError: If the text has another form; the message does not repeat the password.
        """
        parts = spec.split(":")
        admin = parts[3:] == ["admin"]
        if len(parts) != (4 if admin else 3) or not all(parts):
            raise ValueError("a user is ID:PASSWORD:PROJECT or ID:PASSWORD:PROJECT:admin, with no part empty")
        for part in (parts[0], parts[2]):
            if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,254}", part):
                raise ValueError("the id and the project of a user are made of letters, digits and _.@-")
        return User(parts[0], parts[1], parts[2], admin)


class Users:
    """All users, and the secret that signs their tokens.

    Args:
        users: All users.
        lifetime: Lifetime of a token in seconds.
        identity: Source of the secret.

    Raises:
        ValueError: If there is no user, or two have the same id.
    """

    def __init__(self, users: Iterable[User], lifetime: float, identity: RandomIdentity | None = None) -> None:
        listed = list(users)
        self._users = {user.id: user for user in listed}
        if not listed or len(self._users) != len(listed):
            raise ValueError("there must be at least one user, and each id only once")
        self._identity = identity or RandomIdentity()
        self._lifetime = self._identity.lifetime(lifetime)
        self._secret = self._identity.secret()

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def log_in(self, user_id: str, password: str) -> User | None:
        """Return the user with this id and password, or None."""
        user = self._users.get(user_id)
        expected = user.password if user else ""
        matches = hmac.compare_digest(_bytes(password), _bytes(expected))
        return user if matches else None

    def token(self, user: User, lifetime: float | None = None) -> str:
        """Return a signed token of a user.

        Args:
            user: Owner of the token.
            lifetime: Seconds from now, negative for an expired token; None for the configured lifetime.
        """
        now = self._identity.now()
        expires = now + (self._lifetime if lifetime is None else lifetime)
        claims = {"sub": user.id, "project": user.project_id, "is_admin": user.is_admin, "iat": now, "exp": expires}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def expired_token(self, user: User) -> str:
        """Return a correctly signed token of a user that expired an hour ago, for ATT-3."""
        return self.token(user, lifetime=-3600.0)

    def user_from_token(self, token: str) -> User:
        """Return the user of a token.

        Raises:
            InvalidTokenError: If the token is not valid; only for an expired token the message says why.
        """
        if not token or len(token) > MAX_TOKEN or not token.isascii():
            raise InvalidTokenError("the token is not valid")
        try:
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]})
        except jwt.ExpiredSignatureError as error:
            raise InvalidTokenError("the token has expired") from error
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise InvalidTokenError("the token is not valid") from error
        user = self._users.get(claims["sub"])
        if user is None:
            raise InvalidTokenError("the token is not valid")
        return user


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
