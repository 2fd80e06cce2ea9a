"""What nobody can foretell: uuids, and the secret behind tokens. Or, for replays, what everybody can."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
import uuid as uuids

STOPPED_CLOCK = 1_700_000_000.0  # seconds, November 2023: in the past, so that what is signed then is valid now
REPLAY_LIFETIME = 1e9  # seconds, about 31 years


class RandomIdentity:
    """Other uuids and another secret in each process, and the time of day."""

    def secret(self) -> bytes:
        """32 bytes to sign tokens with."""
        return secrets.token_bytes(32)

    def uuid(self) -> str:
        """Return a new lower-case v4 uuid."""
        return str(uuids.uuid4())

    def now(self) -> float:
        """When a token is signed, seconds since the epoch."""
        return time.time()

    def lifetime(self, setting: float) -> float:
        """How long a token is valid, seconds."""
        return setting


class NoChance(RandomIdentity):
    """The same in every process of one seed, so that recorded bytes can be sent to another one.

    Tokens are worth nothing here, since whoever knows the seed can sign them.

    Args:
        seed: what all follows from.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = itertools.count(1)

    def secret(self) -> bytes:
        """See :meth:`RandomIdentity.secret`."""
        return self._digest("secret")

    def uuid(self) -> str:
        """Return the next uuid: the first of two processes is the same, and so on."""
        return str(uuids.UUID(bytes=self._digest(f"uuid {next(self._numbers)}")[:16], version=4))

    def now(self) -> float:
        """Return always the same: a token that tells another time would have other bytes."""
        return STOPPED_CLOCK

    def lifetime(self, setting: float) -> float:  # noqa: ARG002
        """Longer than any replay will be from the stopped clock on."""
        return REPLAY_LIFETIME

    def _digest(self, what: str) -> bytes:
        return hashlib.sha256(f"{self._seed} {what}".encode()).digest()


def chance(seed: int | None) -> RandomIdentity:
    """Return an identity of chance, or what follows from a seed where there is one."""
    return RandomIdentity() if seed is None else NoChance(seed)
