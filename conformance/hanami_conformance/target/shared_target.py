"""A connected target as several processes use it: what another process needs to know, and what it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.target.conditions import keeps_connections
from hanami_conformance.target.dialect_detection import DetectedDialect
from hanami_conformance.target.login import register_secrets
from hanami_conformance.target.target import Account, Target
from hanami_proto.dialect import load_dialect


@dataclass(frozen=True)
class SharedAccount:
    """An account that is logged in.

    Attributes:
        name: Name in reports.
        token: REST token.
        credentials: Credentials of the login, for another token when this one expires.
        is_admin: Whether the target said so at the login.
    """

    name: str
    token: str = field(repr=False)
    credentials: Credentials = field(repr=False)
    is_admin: bool

    @classmethod
    def of(cls, account: Account) -> SharedAccount:
        """Return the description of an account."""
        return cls(account.name, account.token, account.credentials, account.is_admin)

    def logged_in(self, target: Target) -> Account:
        """Return the account at a target."""
        register_secrets(self.credentials, self.name)
        SECRETS.add(self.token, f"token of the {self.name}")
        return Account(target, self.name, self.token, self.credentials, is_admin=self.is_admin)


@dataclass(frozen=True)
class Learned:
    """What a process learned about a target, for other processes.

    Attributes:
        uuids: Uuids of uploads and their files.
        announced_bytes: Bytes that accepted uploads announced.
        optional_replies: Name of a SHOULD reply: whether the target sends it.
        attached: Whether the target accepted a websocket.
        tried_clusters: Whether the target answered the creation of a cluster.
        worked: Preparations that worked.
    """

    uuids: frozenset[str] = frozenset()
    announced_bytes: int = 0
    optional_replies: Mapping[str, bool] = field(default_factory=dict)
    attached: bool = False
    tried_clusters: bool = False
    worked: frozenset[str] = frozenset()

    @classmethod
    def from_target(cls, target: Target) -> Learned:
        """Return what this process knows by now."""
        return cls(
            frozenset(target.uuids),
            target.announced_bytes,
            dict(target.optional_replies),
            target.attached,
            target.tried_clusters,
            PREPARATIONS.worked,
        )

    def since(self, before: Learned) -> Learned:
        """Return the same without the uuids and bytes that were known before."""
        return replace(
            self, uuids=self.uuids - before.uuids, announced_bytes=self.announced_bytes - before.announced_bytes
        )

    def add_to(self, target: Target) -> None:
        """Let this process know it as well."""
        target.uuids |= self.uuids
        target.announced_bytes += self.announced_bytes
        target.optional_replies |= self.optional_replies
        target.attached |= self.attached
        target.tried_clusters |= self.tried_clusters
        PREPARATIONS.add_worked(self.worked)


@dataclass(frozen=True)
class SharedTarget:
    """Everything that another process needs to use a connected target. It holds secrets, and is never printed.

    Attributes:
        options: Options that reach the target, with the name of its dialect.
        dialect_reason: Why that is its dialect, empty where the options name it.
        accounts: The accounts that are logged in.
        other_account_missing_reason: Why there is no second account.
        protected: What is never deleted.
        keeps_connections: Whether REST calls may share a connection.
        limit: Number of connections that all processes together may open.
        learned: What is known of the target.
    """

    options: TargetOptions
    dialect_reason: str
    accounts: tuple[SharedAccount, ...]
    other_account_missing_reason: str
    protected: frozenset[str]
    keeps_connections: bool
    limit: int
    learned: Learned

    @classmethod
    def of(cls, target: Target) -> SharedTarget:
        """Return the description of a connected target; whether it keeps connections is tried."""
        return cls(
            options=replace(
                target.options,
                dialect=target.dialect.name if target.dialect_reason else target.options.dialect,
                expired_token=target.expired_token,
            ),
            dialect_reason=target.dialect_reason,
            accounts=tuple(map(SharedAccount.of, target.accounts)),
            other_account_missing_reason=target.other_account_missing_reason,
            protected=target.rest.protected,
            keeps_connections=keeps_connections(target),
            limit=target.connection_limit.limit,
            learned=Learned.from_target(target),
        )

    def opened(self, share: int) -> Target:
        """Return the target in this process.

        Args:
            share: Number of connections that this process may open at the same time.
        """
        found = (
            DetectedDialect(load_dialect(self.options.dialect), self.dialect_reason) if self.dialect_reason else None
        )
        target = Target(self.options, found)
        SECRETS.add(self.options.expired_token, "expired token")
        accounts = [account.logged_in(target) for account in self.accounts]
        target.account = accounts[0]
        target.other_account = accounts[1] if len(accounts) > 1 else None
        target.other_account_missing_reason = self.other_account_missing_reason
        for uuid in self.protected:
            target.rest.forbid_deletion(uuid)
        target.rest.keeps = self.keeps_connections
        target.connection_limit = ConnectionLimit(self.limit, share)
        self.learned.add_to(target)
        return target
