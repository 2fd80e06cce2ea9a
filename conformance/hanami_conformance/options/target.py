"""What the suite is told about a target, before it is asked anything."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hanami_conformance.clients.tcp import context_for
from hanami_conformance.options.definitions import ON, REFERENCE


@dataclass(frozen=True)
class Credentials:
    """How an account logs in: with user and password, or with a token that it has already."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class ExistingCluster:
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
        account: the account that the tests use.
        other_account: an account of another project, for the isolation requirements.
        expired_token: a token that was valid once, for ATT-3.
        dialect: name of the dialect, path of its file, or :data:`AUTO`.
        deadline: seconds that any wait may take.
        max_connections: most websockets at the same time, None for what the dialect says.
        cluster: a cluster that is there already, where the suite makes none.
        ca_file: PEM file of the authorities that may have signed the certificate, None for those of the system.
        insecure: whether the certificate is not checked.
    """

    url: str
    account: Credentials
    other_account: Credentials | None = None
    expired_token: str = field(default="", repr=False)
    dialect: str = "documented"
    deadline: float = 10.0
    max_connections: int | None = None
    cluster: ExistingCluster | None = None
    ca_file: Path | None = None
    insecure: bool = False


def checked_url(url: str) -> str:
    """Return the address of a target, normalised.

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


YES, NO = (ON, "true", "yes", "on"), ("", "0", "false", "no", "off")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MOST_VALUES = 1_000_000  # of a brick; a mistake rather than a brick


def target_url(target: str) -> str:
    """Return the address of the target.

    Raises:
        ValueError: there is none, or it is none.
    """
    if not target:
        raise ValueError(
            f"no target: give --target http://HOST:PORT, or --target {REFERENCE} for the bundled backend, "
            "or set HANAMI_TARGET"
        )
    return checked_url(target)


def credentials_of(values: Mapping[str, str]) -> tuple[Credentials, Credentials | None]:
    """Who the suite is on the target, and who the second user is.

    Raises:
        ValueError: there is no first user, or half a one, or both are the same.
    """
    account = Credentials(values["user"], values["password"], values["token"])
    if not account.token and not (account.user and account.password):
        raise ValueError("no credentials: give --user and --password, or --token (or HANAMI_USER, HANAMI_PASSWORD)")
    for name in ("token", "second_token", "expired_token"):
        if not (values[name].isascii() and values[name].isprintable()):
            raise ValueError(f"--{name.replace('_', '-')} holds characters that no token has")
    other_account = Credentials(values["second_user"], values["second_password"], values["second_token"])
    if other_account.token or (other_account.user and other_account.password):
        if (other_account.user and other_account.user == account.user) or (
            other_account.token and other_account.token == account.token
        ):
            raise ValueError("the second user is the first one: give a user of another project")
        return account, other_account
    if other_account.user or other_account.password:
        known = "user" if other_account.user else "password"
        lacking = "password" if other_account.user else "user"
        raise ValueError(
            f"half a second user: there is --second-{known} (or HANAMI_SECOND_{known.upper()} is set), "
            f"but no --second-{lacking}"
        )
    return account, None


def parse_tls_and_cluster(values: Mapping[str, str], lists: Mapping[str, Sequence[str]], url: str) -> dict[str, Any]:
    """Return the fields of :class:`TargetOptions` that only a live server has: its certificate, a given cluster.

    Raises:
        ValueError: something is wrong or missing; the message says what would be right.
    """
    insecure = switch(values, "insecure")
    ca_file = Path(values["ca_file"]) if values["ca_file"] else None
    for flag, is_given in (("--ca-file", ca_file is not None), ("--insecure", insecure)):
        if is_given and not url.startswith("https"):
            raise ValueError(f"{flag} is for https://, and the target is {url}")
    if ca_file is not None and insecure:
        raise ValueError("--ca-file and --insecure exclude each other: is the certificate to be checked or not?")
    context_for(url, ca_file)
    return {"ca_file": ca_file, "insecure": insecure, "cluster": _cluster(values["cluster"], lists)}


def switch(values: Mapping[str, str], name: str) -> bool:
    """Whether a switch is on.

    Raises:
        ValueError: its value is neither yes nor no.
    """
    value = values[name].lower()
    if value not in (*YES, *NO):
        raise ValueError(f"--{name.replace('_', '-')} {values[name]!r}: give 1 or 0")
    return value in YES


def allow_destructive(values: Mapping[str, str], url: str, *, started: bool) -> bool:
    """Whether what is known to end fragile servers may be sent.

    Args:
        values: option to its value; an explicit yes or no decides.
        url: address of the target. What listens on this machine alone is nobody else's, as a rule.
        started: whether the suite itself starts the target.

    Raises:
        ValueError: the option is neither yes nor no.
    """
    allowed = switch(values, "allow_destructive")
    return allowed or started or (not values["allow_destructive"] and on_this_machine(url))


def on_this_machine(url: str) -> bool:
    """Whether an address is one of the loopback, which only programs of this machine reach."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def server_command(text: str, *, reference: bool) -> tuple[str, ...]:
    """Return the words of the command that starts the server, none where it is not the suite that does.

    Raises:
        ValueError: it is no command, or there is nothing for it to start.
    """
    if not text.strip():
        return ()
    if reference:
        raise ValueError(f"--server-command starts the server at an address, and --target {REFERENCE} one of its own")
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"--server-command is no command: {error}") from error  # not shown: it may hold passwords


def _cluster(uuid: str, lists: Mapping[str, Sequence[str]]) -> ExistingCluster | None:
    inputs, outputs = lists["cluster_input"], lists["cluster_output"]
    if not uuid:
        if inputs or outputs:
            raise ValueError("--cluster-input and --cluster-output describe a cluster: give its uuid, --cluster UUID")
        return None
    if not UUID.fullmatch(uuid):
        raise ValueError(f"--cluster {uuid!r}: give the uuid of a cluster")
    if not inputs or not outputs:
        raise ValueError("--cluster needs its bricks: give --cluster-input NAME=SIZE and --cluster-output NAME=SIZE")
    cluster = ExistingCluster(uuid, _bricks("--cluster-input", inputs), _bricks("--cluster-output", outputs))
    if both := set(cluster.inputs) & set(cluster.outputs):
        raise ValueError(f"brick {min(both)!r} is given as input and as output")
    return cluster


def _bricks(flag: str, given: Sequence[str]) -> dict[str, int]:
    bricks: dict[str, int] = {}
    for text in given:
        name, _, size = text.rpartition("=")
        if not name or not re.fullmatch(r"[0-9]{1,7}", size) or not 1 <= int(size) <= MOST_VALUES:
            raise ValueError(f"{flag} {text!r}: give NAME=SIZE, such as test_input=784")
        if name in bricks:
            raise ValueError(f"{flag}: brick {name!r} is given twice")
        bricks[name] = int(size)
    return bricks
