"""Source of uuids, of the secret behind tokens, and of the time: random, or reproducible for replays."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
import uuid as uuids

STOPPED_CLOCK = 1_700_000_000.0  # seconds, November 2023: in the past, so that tokens signed then are valid now
REPLAY_LIFETIME = 1e9  # seconds, about 31 years from the stopped clock


class RandomIdentity:
    """Random uuids, a random secret, and the real time."""

    def secret(self) -> bytes:
        """Return 32 bytes that sign tokens."""
        return secrets.token_bytes(32)

    def uuid(self) -> str:
        """Return a new lower-case v4 uuid."""
        return str(uuids.uuid4())

    def now(self) -> float:
        """Return the time at which a token is signed, in seconds since the epoch."""
        return time.time()

    def lifetime(self, setting: float) -> float:
        """Return the lifetime of a token in seconds."""
        return setting


class SeededIdentity(RandomIdentity):
    """The same uuids, secret and time in every process with the same seed, so that recorded requests can be replayed.

    The tokens protect nothing, since anyone who knows the seed can sign them.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = itertools.count(1)

    def secret(self) -> bytes:
        """Return 32 bytes that follow from the seed."""
        return self._digest("secret")

    def uuid(self) -> str:
        """Return the next uuid of the sequence that follows from the seed."""
        return str(uuids.UUID(bytes=self._digest(f"uuid {next(self._numbers)}")[:16], version=4))

    def now(self) -> float:
        """Return a fixed time."""
        return STOPPED_CLOCK  # another time would change the bytes of a token

    def lifetime(self, setting: float) -> float:  # noqa: ARG002
        """Return a lifetime beyond any replay."""
        return REPLAY_LIFETIME

    def _digest(self, purpose: str) -> bytes:
        return hashlib.sha256(f"{self._seed} {purpose}".encode()).digest()


def identity_from(seed: int | None) -> RandomIdentity:
    """Return the identity that follows from a seed, or a random one without a seed."""
    return RandomIdentity() if seed is None else SeededIdentity(seed)
