"""Users and their tokens."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import jwt

from hanami_reference_backend.common.identity import RandomIdentity

ALGORITHM = "HS256"
MAX_TOKEN = 4096  # characters; ours have about 200
FREE_ATTEMPTS = 100  # wrong logins of a user at once that cost nothing
ATTEMPTS_PER_SECOND = 10.0  # wrong logins of a user after these
MOST_WAITING = 5.0  # seconds; whoever would have to wait longer is rejected
MOST_REMEMBERED = 10_000  # pairs of a client and a user
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

    def passwords(self) -> frozenset[str]:
        """Return all passwords."""
        return frozenset(user.password for user in self)

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


class LoginThrottle:
    """Slows down wrong logins, for each pair of a client and a user, so that nobody else has to wait.

    Each login has to wait for its turn before its password is checked: otherwise a client that guesses would know by
    the delay, and would not wait for it. A right login does not count.

    Args:
        clock: Source of the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._attempts: dict[tuple[str, int], tuple[float, float]] = {}  # number that still counts, and when it did

    def begin(self, client: str, user_id: str) -> float | None:
        """Count an attempt.

        Args:
            client: Address of the client.
            user_id: Id of the user, whether or not there is one.

        Returns:
            The seconds that the attempt has to wait, or None if too many wait already.
        """
        key, now = _attempt(client, user_id), self._clock()
        count = self._count(key, now)
        wait = max(0.0, count - FREE_ATTEMPTS) / ATTEMPTS_PER_SECOND
        if wait > MOST_WAITING:
            return None
        if len(self._attempts) >= MOST_REMEMBERED:
            self._forget_some(now)
        self._attempts[key] = count + 1.0, now
        return wait

    def forgive(self, client: str, user_id: str) -> None:
        """Do not count an attempt, since it was right."""
        key, now = _attempt(client, user_id), self._clock()
        self._attempts[key] = max(0.0, self._count(key, now) - 1.0), now

    def _count(self, key: tuple[str, int], now: float) -> float:
        count, then = self._attempts.get(key, (0.0, now))
        return max(0.0, count - (now - then) * ATTEMPTS_PER_SECOND)

    def _forget_some(self, now: float) -> None:
        self._attempts = {key: value for key, value in self._attempts.items() if self._count(key, now)}
        while len(self._attempts) >= MOST_REMEMBERED:
            del self._attempts[next(iter(self._attempts))]


def _attempt(client: str, user_id: str) -> tuple[str, int]:
    return client, hash(user_id)  # an id may be long


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
