"""Final clean-up: delete whatever a run created on the target, found by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hanami_conformance.cases.failures import TargetDown, Violation
from hanami_conformance.options.target import UUID
from hanami_conformance.resources.factory import Leftover, delete, run_prefix
from hanami_conformance.target.target import Account, Target


def delete_leftovers(target: Target, run_id: str, known: Iterable[Leftover]) -> list[Leftover]:
    """Delete the resources that a run left on the target.

    Args:
        target: Target of the run.
        run_id: Id of the run, with which the names of its resources begin.
        known: Resources that could not be deleted so far.

    Returns:
        Resources that remain, each with the reason, and kinds of resources that cannot be listed.
    """
    leftovers = {(left.account, left.kind, left.uuid): left for left in known}
    remaining: list[Leftover] = []
    for account in target.accounts:
        for kind in ("dataset", "cluster"):
            try:
                found = list(_listed(account, kind, run_prefix(run_id)))
            except (Violation, TargetDown) as error:
                remaining.append(Leftover(account, kind, "", f"all {kind}s of the {account.name}", str(error)))
                continue
            leftovers |= {(account, kind, uuid): Leftover(account, kind, uuid, name, "") for uuid, name in found}
    return remaining + [left for left in map(delete, leftovers.values()) if left is not None]


def _listed(account: Account, kind: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield uuid and name of the resources whose name has the prefix, whatever the columns of the list are called."""
    body = account.call(f"{kind}.list").object().get("body")
    for row in body if isinstance(body, list) else []:
        cells: list[Any] = list(row.values()) if isinstance(row, dict) else row if isinstance(row, list) else []
        texts = [cell for cell in cells if isinstance(cell, str)]
        name = next((text for text in texts if text.startswith(prefix)), None)
        uuid = next((text for text in texts if UUID.fullmatch(text)), None)
        if name is not None and uuid is not None:
            yield uuid, name
