"""Names that look like literals of a language, and what becomes of them."""

from __future__ import annotations

from http import HTTPStatus

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import INIT_REQUIREMENTS
from hanami_conformance.suite.support.operations import fields_of
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.target.target import Account

LITERALS = ("true", "True", "TRUE", "false", "null", "Null", "NULL", "None", "Infinity")


def expect_name_kept(resources: ResourceFactory, kind: str, name: str) -> None:
    """Check that the creation of a resource of this name is rejected, or that the name is read back."""
    account = resources.target.account
    family = "cluster" if kind == "cluster" else "dataset"
    operation = "cluster.create" if kind == "cluster" else f"{kind}.init"
    body = {**fields_of(resources, operation), "name": name}
    if kind == "cluster":
        body = resources.cluster_body(name, ONE_BRICK)
    before = listed_rows(account, family)
    with uninterrupted():  # the final clean-up would not find it by its prefix
        answer = account.call(operation, body=body)
        resources.register_unexpected(answer, operation)
        if answer.failed:  # it may have been created, and others create resources meanwhile
            for uuid, row in listed_rows(account, family).items():
                if uuid not in before and str(row.get("name")).lower() in map(str.lower, LITERALS):
                    resources.register_for_deletion(family, uuid)
    if answer.rejected:
        require(answer.text.strip(), expected=f"a reason for the rejection of the name {name}", actual=answer)
        return
    created = answer.object()
    uuid = str(created.get("uuid"))
    names = [created.get("name", name)]
    if kind == "cluster":
        names.append(account.call("cluster.get", params={"uuid": uuid}).object().get("name", name))
    names.append(listed_rows(account, family).get(uuid, {}).get("name", name))
    wrong = [one for one in names if one != name]
    violated = INIT_REQUIREMENTS.get(kind)
    require(not wrong, expected=f"the name {name!r} of the {kind}", actual=wrong, requirement=violated)
    deleted = account.call(f"{family}.delete", params={"uuid": uuid})
    require(deleted.status == HTTPStatus.OK, expected=f"200 to the DELETE of the {kind} {name}", actual=deleted)


def listed_rows(account: Account, family: str) -> dict[str, dict[str, object]]:
    """Return the rows of a list by their uuids, as columns to values; nothing of a list that has another form."""
    table = json_object(account.call(f"{family}.list").body) or {}
    header, rows = table.get("header"), table.get("body")
    if not isinstance(header, list) or not isinstance(rows, list):
        return {}
    named = [dict(zip(map(str, header), row, strict=False)) for row in rows if isinstance(row, list)]
    return {str(row["uuid"]): row for row in named if "uuid" in row}
