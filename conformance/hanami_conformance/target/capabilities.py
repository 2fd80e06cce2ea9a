"""Prediction of the requirements that cannot be judged with the options of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from hanami_conformance.target.target import Target

# The largest files that are announced to a target, and the cases that do it.
LARGE_FILE = 2**32 + 100  # bytes; the offsets of its last bytes need more than 32 bits
LARGE_FILE_CASE = "test_upload_init.py::test_sizes_beyond_32_bits_are_accepted"
DOUBLED_SIZES = tuple(2**exponent + 1 for exponent in range(22, 32))  # bytes; each just beyond a likely limit
DOUBLED_SIZES_CASE = "test_upload_large_files.py::test_every_size_below_an_accepted_one_is_accepted"
LARGE_FILE_CASES = frozenset({LARGE_FILE_CASE, DOUBLED_SIZES_CASE})
FEWEST_IN_RANGE = 3  # ids that are written as a range


@dataclass(frozen=True)
class MissingCapability:
    """A capability that a run will lack.

    Attributes:
        what: Missing capability, and how to provide it.
        whole: Ids of the requirements that no case can judge.
        partly: Ids of the requirements of which some cases will be unsupported.
        verdict: Consequence for the requirements that no case can judge.
    """

    what: str
    whole: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    verdict: str = "will be UNSUPPORTED"


DESTRUCTIVE = "may crash a fragile server: give --allow-destructive or --server-command"
DESTRUCTIVE_CASES = (
    ("DATA-6",),
    (
        *("ATT-3", "ATT-4", "ATT-5", "DATA-1", "DATA-12", "DATA-5", "DATA-7", "DEL-1", "DIO-11", "DIO-12", "DIO-14"),
        *("DIO-3", "DIO-4"),
        *("FIN-1", "FIN-2", "FIN-4", "FIN-6", "GEN-1", "GEN-2", "GEN-4", "INIT-1", "INIT-2", "INIT-3", "INIT-5"),
        *("MODE-2", "PROG-4"),
    ),
)
RESTART = "needs a server that the suite may restart (--server-command, users with passwords, no --cluster)"
RESTART_CASES = ((), ("DATA-1", "DIO-3", "GEN-1", "GEN-2"))
SECOND_USER = (
    ("GEN-3",),
    ("ATT-4", "ATT-7", "DATA-9", "DEL-1", "DIO-10", "FIN-4", "GEN-2", "INIT-4", "MODE-2", "PROG-4"),
)
EXPIRED_TOKEN = ((), ("ATT-3", "FIN-4", "INIT-6", "MODE-2", "PROG-4"))
TWO_CONNECTIONS = (
    (),
    (
        *("ATT-7", "ATT-8", "DATA-1", "DATA-11", "DATA-4", "DATA-7", "DATA-8", "DATA-9", "DEL-1", "FIN-1", "FIN-3"),
        *("FIN-5", "MODE-2"),
        *("DIO-10", "DIO-11", "DIO-12", "DIO-13", "DIO-14", "DIO-7", "DIO-9", "FIN-7", "GEN-1", "GEN-2", "GEN-4"),
        *("INIT-4", "MODE-1", "PROG-2", "PROG-3"),
    ),
)
CONTENT = (
    ("FIN-2",),
    (
        *("DATA-1", "DATA-11", "DATA-2", "DATA-3", "DATA-4", "DATA-6", "DATA-8", "DATA-9", "DEL-1", "FIN-1", "FIN-6"),
        *("INIT-3", "PROG-3"),
    ),
)
NEW_CLUSTERS = (
    ("DIO-10", "DIO-14"),
    (
        *("ATT-4", "DIO-11", "DIO-12", "DIO-2", "DIO-3", "DIO-4", "DIO-5", "DIO-6", "DIO-7", "DIO-8", "DIO-9"),
        *("GEN-2", "GEN-3", "GEN-4", "MODE-1"),
    ),
)


def numbered(family: str, *numbers: int) -> tuple[str, ...]:
    """Return ids of a family of requirements."""
    return tuple(f"{family}-{number}" for number in numbers)


# Parts of a server that a run needs, each with the requirements that no case can judge while it does not work.
UPLOADS, WEBSOCKETS, CLUSTERS = "uploads", "websockets", "clusters"
UNJUDGED_WITHOUT: Mapping[str, tuple[str, ...]] = {
    UPLOADS: (
        *numbered("ATT", 4, 5, 6, 8),
        *numbered("DATA", 1, *range(3, 13)),
        *numbered("PROG", 1, 2, 3),
        *numbered("FIN", *range(1, 8)),
        "DEL-1",
    ),
    WEBSOCKETS: (
        *numbered("DATA", 1, 3, 4, 5, 6, 10, 12),
        *numbered("PROG", 2, 3),
        *numbered("FIN", 1, 2, 3, 5, 6, 7),
        *numbered("DIO", *range(1, 14)),
    ),
    CLUSTERS: (*numbered("MODE", 1, 3), *numbered("DIO", *range(1, 15))),
}
_REMEDIES = {CLUSTERS: " (--cluster UUID --cluster-input NAME=SIZE --cluster-output NAME=SIZE names an existing one)"}


def large_file_cost() -> str:
    """Return a line about the disk space that the largest announced files take on a target."""
    size = LARGE_FILE + sum(DOUBLED_SIZES)
    return f"INIT-3 announces files of {size:,} bytes in all: a server may allocate them, and keep them when deleted"


def short_list(ids: Iterable[str]) -> str:
    """Return ids as text, consecutive ones of a family as a range."""
    numbers = [(family, int(number)) for family, _, number in (one.rpartition("-") for one in ids)]
    texts: list[str] = []
    for _, group in groupby(enumerate(numbers), lambda entry: (entry[1][0], entry[1][1] - entry[0])):
        members = [f"{family}-{number}" for _, (family, number) in group]
        texts += [f"{members[0]} to {members[-1]}"] if len(members) >= FEWEST_IN_RANGE else members
    return ", ".join(texts)


def survives_restart(target: Target) -> bool:
    """Return whether a run can go on after a restart, in which a server may lose its clusters and reject old tokens."""
    return target.given_cluster is None and all(account.credentials.password for account in target.accounts)


def missing_capabilities(
    target: Target, *, content: bool | None, broken: Collection[str], destructive: bool, restartable: bool
) -> Iterator[MissingCapability]:
    """Yield the capabilities that a run against a target will lack.

    Args:
        target: Connected target.
        content: Whether the content of datasets can be read back; None if unknown.
        broken: Parts of the target that do not work, of :data:`UNJUDGED_WITHOUT`.
        destructive: Whether requests that may crash a fragile server are sent.
        restartable: Whether the suite starts the server, so that it may restart it.
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
    elif not (restartable and survives_restart(target)):
        yield MissingCapability(RESTART.removeprefix("needs "), *RESTART_CASES)
    if target.connection_limit.limit < 2:
        yield MissingCapability("two connections at the same time (--max-connections)", *TWO_CONNECTIONS)
    if content is False:
        yield MissingCapability("a way to read the content of a dataset back", *CONTENT)
    if target.given_cluster is not None:
        yield MissingCapability("new clusters: one is given, and used where one is enough (--cluster)", *NEW_CLUSTERS)
    for part in broken:
        unjudged = UNJUDGED_WITHOUT[part]
        yield MissingCapability(f"working {part}{_REMEDIES.get(part, '')}", unjudged, verdict="cannot be judged")
