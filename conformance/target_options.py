"""What the suite is told about a target, before it is asked anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

AUTO = "auto"  # in place of a dialect: ask the target


@dataclass(frozen=True)
class Credentials:
    """How an account logs in: with user and password, or with a token that it has already."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class GivenCluster:
    """A cluster of the first user that is there already, and is never deleted.

    Attributes:
        uuid: of it.
        inputs: names of the input bricks, and how many values each takes.
        outputs: names of the output bricks, and how many values each gives.
    """

    uuid: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    def __str__(self) -> str:
        bricks = [", ".join(f"{name}={size}" for name, size in side.items()) for side in (self.inputs, self.outputs)]
        return f"{self.uuid} ({bricks[0]} to {bricks[1]})"


@dataclass(frozen=True)
class TargetOptions:
    """Everything that the suite is told about a target.

    Attributes:
        url: ``http://HOST:PORT``, with a base path where a proxy needs one.
        first: the account that the tests use.
        second: an account of another project, for the isolation statements.
        expired_token: a token that was valid once, for ATT-3.
        dialect: name of the dialect, path of its file, or :data:`AUTO`.
        deadline: seconds that any wait may take.
        max_connections: most websockets at the same time, None for what the dialect says.
        cluster: a cluster that is there already, where the suite makes none.
        ca_file: PEM file of the authorities that may have signed the certificate, None for those of the system.
        insecure: whether the certificate is not checked.
    """

    url: str
    first: Credentials
    second: Credentials | None = None
    expired_token: str = field(default="", repr=False)
    dialect: str = "documented"
    deadline: float = 10.0
    max_connections: int | None = None
    cluster: GivenCluster | None = None
    ca_file: Path | None = None
    insecure: bool = False


def checked_url(url: str) -> str:
    """The address of a target, normalised.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    try:
        parts = urlsplit(url)
        credentials = parts.username or parts.password
    except ValueError as error:
        raise ValueError(f"the target is no address ({error}): give http://HOST:PORT") from error
    # What follows quotes the address; it must not quote a password.
    if credentials or "@" in url:
        raise ValueError("the target's address carries credentials: give them as --user and --password")
    if parts.query or parts.fragment:
        raise ValueError("the target's address has a query or a fragment: give http://HOST:PORT")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"target {url!r} is no address ({error}): give http://HOST:PORT") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"target {url!r} is no address: give http://HOST:PORT or https://HOST:PORT")
    if port == 0:
        raise ValueError(f"target {url!r} has port 0: give the port that the server listens on")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
