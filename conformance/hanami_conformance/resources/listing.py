"""The resources that a target lists, and those among them that were there before us, which are never deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from hanami_conformance.cases.failures import TargetDown, Unsupported, Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.options.target import UUID
from hanami_conformance.target.target import Account, Target

KINDS = ("dataset", "cluster")


@dataclass(frozen=True)
class ListedResource:
    """A row of a list.

    Attributes:
        uuid: Uuid of the resource.
        texts: All texts of the row: its name is one of them, whatever the columns of the list are called.
    """

    uuid: str
    texts: tuple[str, ...]

    def name_with(self, prefix: str) -> str:
        """Return the name if it has a prefix, empty if it has not."""
        return next((text for text in self.texts if text.startswith(prefix)), "")


def listed(account: Account, kind: str) -> Iterator[ListedResource]:
    """Yield the resources that an account sees.

    Raises:
        Violation, TargetDown, Unsupported: If there is no list.
    """
    yield from listed_rows(account.call(f"{kind}.list"))


def listed_rows(answer: RestResponse) -> Iterator[ListedResource]:
    """Yield the resources in the answer to a request for a list.

    Raises:
        Violation: If it is no JSON object.
    """
    body = answer.object().get("body")
    for row in body if isinstance(body, list) else []:
        cells: list[Any] = list(row.values()) if isinstance(row, dict) else row if isinstance(row, list) else []
        texts = tuple(cell for cell in cells if isinstance(cell, str))
        uuid = next((text for text in texts if UUID.fullmatch(text)), None)
        if uuid is not None:
            yield ListedResource(uuid, texts)


def is_listed_as(answer: RestResponse, uuid: str, name: str) -> bool:
    """Whether a list has a resource under its own name: both in one row, or anywhere where the list has no rows."""
    if answer.status != HTTPStatus.OK or uuid not in answer.text:
        return False
    rows = [row for row in listed_rows(answer) if uuid in row.texts]
    return any(name in row.texts for row in rows) if rows else name in answer.text


def protect_existing(target: Target, prefix: str | None = None) -> list[str]:
    """Never delete what is on a target before a run, whatever the target answers later.

    A target may answer the creation of a resource with the uuid of one that belongs to somebody else. What a probe of
    this run left there bears its name.

    Args:
        target: Target with its accounts logged in.
        prefix: Prefix in the names of the resources of the run; None if it has none yet.

    Returns:
        The uuids of what was there.
    """
    uuids = []
    for account in target.accounts:
        for kind in KINDS:
            with contextlib.suppress(Violation, TargetDown, Unsupported):  # a list that fails is judged by the cases
                uuids += [one.uuid for one in listed(account, kind) if prefix is None or not one.name_with(prefix)]
    for uuid in uuids:
        target.rest.forbid_deletion(uuid)
    return uuids
