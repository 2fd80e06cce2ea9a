"""Prediction of the requirements that cannot be judged with the options of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hanami_conformance.target.target import Target

CLUSTER_FAMILIES = ("MODE", "DIO")


@dataclass(frozen=True)
class MissingCapability:
    """A capability that a run will lack.

    Attributes:
        what: Missing capability, and how to provide it.
        whole: Ids of the requirements that no case can judge.
        partly: Ids of the requirements of which some cases will be unsupported.
    """

    what: str
    whole: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()


DESTRUCTIVE = "may crash a fragile server: give --allow-destructive or --server-command"
DESTRUCTIVE_CASES = (("DATA-6",), ("DATA-5", "DATA-12", "DIO-12", "FIN-6", "GEN-1", "GEN-2", "INIT-3"))
SECOND_USER = (("GEN-3",), ("ATT-4", "ATT-7", "DATA-9", "DEL-1", "FIN-4", "INIT-4", "MODE-2", "PROG-4"))
EXPIRED_TOKEN = ((), ("ATT-3", "FIN-4", "INIT-6", "MODE-2", "PROG-4"))
TWO_CONNECTIONS = (
    (),
    ("ATT-8", "DATA-1", "DATA-11", "DATA-8", "DATA-9", "DEL-1", "DIO-10", "DIO-12", "DIO-13", "GEN-2", "GEN-4"),
)
CONTENT = (
    ("FIN-2",),
    ("DATA-11", "DATA-2", "DATA-3", "DATA-4", "DATA-6", "DATA-8", "DATA-9", "DEL-1", "FIN-1", "PROG-3"),
)
NEW_CLUSTERS = (
    ("DIO-10", "DIO-14"),
    (
        *("ATT-4", "DIO-11", "DIO-12", "DIO-2", "DIO-3", "DIO-4", "DIO-5", "DIO-6", "DIO-7", "DIO-8", "DIO-9"),
        *("GEN-2", "GEN-3", "GEN-4", "MODE-1"),
    ),
)


def missing_capabilities(
    target: Target, *, content: bool | None, clusters: bool, destructive: bool
) -> Iterator[MissingCapability]:
    """Yield the capabilities that a run against a target will lack.

    Args:
        target: Connected target.
        content: Whether the content of datasets can be read back; None if unknown.
        clusters: Whether clusters can be created.
        destructive: Whether requests that may crash a fragile server are sent.
    """
    if target.other_account is None:
        yield MissingCapability(target.other_account_missing_reason.removeprefix("needs "), *SECOND_USER)
    if not target.expired_token:
        yield MissingCapability("a token that was valid once (--expired-token)", *EXPIRED_TOKEN)
    if not destructive:
        yield MissingCapability(
            "permission for cases that may crash a fragile server (--allow-destructive, or --server-command)",
            *DESTRUCTIVE_CASES,
        )
    if target.connection_limit.limit < 2:
        yield MissingCapability("two connections at the same time (--max-connections)", *TWO_CONNECTIONS)
    if content is False:
        yield MissingCapability("a way to read the content of a dataset back", *CONTENT)
    if target.given_cluster is not None:
        yield MissingCapability("new clusters: one is given, and used where one is enough (--cluster)", *NEW_CLUSTERS)
    elif not clusters:
        yield MissingCapability(
            "clusters: give one (--cluster UUID --cluster-input NAME=SIZE --cluster-output NAME=SIZE)", _every()
        )


def _every() -> tuple[str, ...]:
    from hanami_conformance.catalogue import catalogue  # noqa: PLC0415 - reads a file, so it is imported only where it is needed

    return tuple(name for name in catalogue() if name.startswith(CLUSTER_FAMILIES))
