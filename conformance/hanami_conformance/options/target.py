"""The options about a target, checked: address, accounts, certificate, an existing cluster, the server command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.tcp import context_for
from hanami_conformance.options.definitions import DURABLE, REFERENCE
from hanami_proto.http_origin import is_loopback


@dataclass(frozen=True)
class Credentials:
    """Credentials of an account: user and password, or an existing token."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class ExistingCluster:
    """A cluster of the first user that exists already, and is never deleted.

    Attributes:
        uuid: Uuid of the cluster.
        inputs: Name of each input brick, and how many values it takes.
        outputs: Name of each output brick, and how many values it gives.
    """

    uuid: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    def __str__(self) -> str:
        bricks = [", ".join(f"{name}={size}" for name, size in side.items()) for side in (self.inputs, self.outputs)]
        return f"{self.uuid} ({bricks[0]} to {bricks[1]})"


@dataclass(frozen=True)
class TargetOptions:
    """The options about a target.

    Attributes:
        url: ``http://HOST:PORT``, with a base path where a proxy needs one.
        account: Credentials of the account that the tests use.
        other_account: Credentials of an account of another project, for the isolation requirements.
        expired_token: Token that was valid once, for ATT-3.
        dialect: Name of the dialect, path of its file, or :data:`AUTO`.
        deadline: Seconds that any wait may take.
        max_connections: Largest number of websockets at the same time, None for the limit of the dialect.
        cluster: Existing cluster, where the suite makes none.
        ca_file: PEM file of the authorities that may have signed the certificate, None for those of the system.
        insecure: Whether the certificate is not checked.
        durable: What the target keeps over a restart, one of :data:`DURABLE`.
        proxy_port: Port of a TCP proxy on this machine that every connection goes through; None for none.
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
    durable: str = DURABLE[0]
    proxy_port: int | None = None

    def endpoint(self) -> Endpoint:
        """Return where the target listens.

        Raises:
            ValueError: If the file of certificates is not valid.
        """
        context = context_for(self.url, self.ca_file, insecure=self.insecure)
        return Endpoint(self.url, context, self.proxy_port)


def checked_url(url: str) -> str:
    """Return the address of a target, normalised.

    Raises:
        ValueError: If it is not an address; the message says what would be right.
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


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Options of a server at an address, which mean nothing for the bundled one.
ADDRESS_OPTIONS = (
    *("user", "password", "token", "second_user", "second_password", "second_token", "expired_token"),
    *(
        "ca_file",
        "insecure",
        "cluster",
        "cluster_input",
        "cluster_output",
        "server_command",
        "server_timeout",
        "durable",
    ),
)
REFERENCE_CONNECTIONS = 8
MOST_VALUES = 1_000_000  # of a brick; a mistake rather than a brick


def target_url(target: str) -> str:
    """Return the address of the target.

    Raises:
        ValueError: If it is missing or not an address.
    """
    if not target:
        raise ValueError(
            f"no target: give --target http://HOST:PORT, or --target {REFERENCE} for the bundled backend, "
            "or set HANAMI_TARGET"
        )
    return checked_url(target)


def check_reference(*sources: Mapping[str, Any]) -> None:
    """Check that no source which names the bundled reference backend has an option for another server.

    Args:
        sources: Option ``dest`` to its value, for each source whose options are meant for this target. Variables of the
            environment are not: they may be set for other runs.

    Raises:
        ValueError: If there is such an option.
    """
    for source in sources:
        for dest in ADDRESS_OPTIONS:
            if source.get(dest) not in (None, "", [], "false"):
                flag = f"--{dest.replace('_', '-')}"
                own = "which has an address, users and a start of its own"
                raise ValueError(f"{flag} is not for --target {REFERENCE}, {own}: leave it out, or name another target")


def reference_options(values: Mapping[str, Any]) -> TargetOptions:
    """Return the options for the bundled reference backend, whose address and accounts are not known yet."""
    return TargetOptions(
        url="",
        account=Credentials(),
        expired_token=values["expired_token"],
        dialect=values["dialect"],
        deadline=values["deadline"],
        max_connections=values["max_connections"] or REFERENCE_CONNECTIONS,
    )


def target_options(values: Mapping[str, Any]) -> TargetOptions:
    """Check the options of a server that is running, or that the suite starts by a command.

    Args:
        values: Option ``dest`` to its converted value.

    Raises:
        ValueError: If something is wrong or missing; the message says what would be right.
    """
    url = target_url(values["target"])
    account, other_account = parse_credentials(values)
    check_tls(url, values["ca_file"], insecure=bool(values["insecure"]))
    return TargetOptions(
        url=url,
        account=account,
        other_account=other_account,
        expired_token=values["expired_token"],
        dialect=values["dialect"],
        deadline=values["deadline"],
        max_connections=values["max_connections"],
        cluster=parse_cluster(values["cluster"], values["cluster_input"], values["cluster_output"]),
        ca_file=values["ca_file"],
        insecure=bool(values["insecure"]),
        durable=values["durable"],
    )


def parse_credentials(values: Mapping[str, str]) -> tuple[Credentials, Credentials | None]:
    """Return the credentials of the account that the tests use, and of the second user.

    Raises:
        ValueError: If the first user is missing or incomplete, the second one is incomplete, or both are the same.
    """
    account = Credentials(values["user"], values["password"], values["token"])
    if not account.token and not (account.user and account.password):
        raise ValueError("no credentials: give --user and --password, or --token (or HANAMI_USER, HANAMI_PASSWORD)")
    for name in ("token", "second_token", "expired_token"):
        if not (values[name].isascii() and values[name].isprintable()):
            raise ValueError(f"--{name.replace('_', '-')} holds characters that no token has")
    other = Credentials(values["second_user"], values["second_password"], values["second_token"])
    if other.token or (other.user and other.password):
        if (other.user and other.user == account.user) or (other.token and other.token == account.token):
            raise ValueError("the second user is the first one: give a user of another project")
        return account, other
    if other.user:
        raise ValueError("--second-user needs --second-password (or HANAMI_SECOND_PASSWORD)")
    if other.password:
        raise ValueError("--second-password needs --second-user (or HANAMI_SECOND_USER)")
    return account, None


def check_tls(url: str, ca_file: Path | None, *, insecure: bool) -> None:
    """Check the options about the certificate of the server.

    Raises:
        ValueError: If they contradict each other or the address, or the file holds no certificates.
    """
    for flag, is_given in (("--ca-file", ca_file is not None), ("--insecure", insecure)):
        if is_given and not url.startswith("https"):
            raise ValueError(f"{flag} is for https://, and the target is {url}")
    if ca_file is not None and insecure:
        raise ValueError("--ca-file and --insecure exclude each other: is the certificate to be checked or not?")
    context_for(url, ca_file)


def allow_destructive(given: bool | None, url: str, *, started: bool) -> bool:
    """Return whether requests that are known to crash fragile servers may be sent.

    Args:
        given: Value of the option, None where it was not given.
        url: Address of the target. A server on the loopback is nobody else's, as a rule.
        started: Whether the suite itself starts the target.
    """
    if started or given:
        return True
    return given is None and on_this_machine(url)


def on_this_machine(url: str) -> bool:
    """Return whether an address is one of the loopback, which only programs of this machine reach."""
    return is_loopback(urlsplit(url).hostname or "")


def server_command(text: str) -> tuple[str, ...]:
    """Return the words of the command that starts the server, none where the suite does not start it.

    Raises:
        ValueError: If it is not a command.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"--server-command is no command: {error}") from error  # not shown: it may hold passwords


def parse_cluster(uuid: str, inputs: Sequence[str], outputs: Sequence[str]) -> ExistingCluster | None:
    """Return the existing cluster that the user gives, None for none.

    Args:
        uuid: Uuid of the cluster.
        inputs: ``NAME=SIZE`` of its input bricks.
        outputs: ``NAME=SIZE`` of its output bricks.

    Raises:
        ValueError: If something is wrong or missing.
    """
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
