"""The end of a run: whatever it made on the target goes, found again by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hanami_conformance.cases.failures import TargetDown, Violation
from hanami_conformance.resources.factory import Leftover, delete, run_prefix
from hanami_conformance.target.target import Account, Target

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def delete_leftovers(target: Target, run_id: str, known: Iterable[Leftover]) -> list[Leftover]:
    """Delete what a run left on the target.

    Args:
        target: the server.
        run_id: of the run; the names of what it made begin with it.
        known: what could not be deleted so far.

    Returns:
        What is still there, with the reason, and what can't even be listed.
    """
    doomed = {(left.account, left.kind, left.uuid): left for left in known}
    remaining: list[Leftover] = []
    for account in (target.account, target.other_account):
        for kind in ("dataset", "cluster") if account is not None else ():
            assert account is not None
            try:
                found = list(_listed(account, kind, run_prefix(run_id)))
            except (Violation, TargetDown) as error:
                remaining.append(Leftover(account, kind, "", f"all {kind}s of the {account.name}", str(error)))
                continue
            doomed |= {(account, kind, uuid): Leftover(account, kind, uuid, name, "") for uuid, name in found}
    return remaining + [left for left in map(delete, doomed.values()) if left is not None]


def _listed(account: Account, kind: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Uuid and name of what an account has whose name begins so, whatever the columns of the list are called."""
    body = account.call(f"{kind}.list").object().get("body")
    for row in body if isinstance(body, list) else []:
        cells: list[Any] = list(row.values()) if isinstance(row, dict) else row if isinstance(row, list) else []
        texts = [cell for cell in cells if isinstance(cell, str)]
        name = next((text for text in texts if text.startswith(prefix)), None)
        uuid = next((text for text in texts if UUID.fullmatch(text)), None)
        if name is not None and uuid is not None:
            yield uuid, name
