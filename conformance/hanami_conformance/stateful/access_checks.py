"""What must be refused to whoever tries it, and leaves an upload or a cluster as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.upload_state import TrackedUpload
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, expect_rejected, first_message
from hanami_conformance.target.target import Account

CLUSTERS_OF_OTHERS = ("attach", "mode", "get", "delete")
OTHER_USER_ACTIONS = ("progress", "attach", "finalize", "delete", "get", "list")
UNKNOWN = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
WRONG_VALUES = ("another upload", "unknown", "malformed", "null", "a number", "missing", "the dataset", "swapped")


def attempt_as_other_user(told: TrackedUpload, other: Account, what: str) -> None:
    """Try as another user what only the owner may do (requirements GEN-3, PROG-4, ATT-4, FIN-4).

    Args:
        told: whose owner is somebody else.
        other: who tries.
        what: one of :data:`OTHER_USER_ACTIONS`; ``attach`` takes a connection of the budget.

    Raises:
        Violation: it was not refused.
    """
    upload = told.upload
    if what == "attach":
        file = next(iter(upload.files.values()))
        message = first_message(other.token, file.uuid, FILE_UPLOAD)
        expect_rejected(upload.account.target, message, "the file belongs to another user", "ATT-4")
        told.happened.add("GEN-3")
        return
    answer = {
        "progress": lambda: other.call("dataset.progress", params={"uuid": upload.uuid}),
        "finalize": lambda: other.call(f"{upload.kind}.finalize", body=upload.finalize_body()),
        "delete": lambda: other.call("dataset.delete", params={"uuid": upload.uuid}),
        "get": lambda: other.call("dataset.get", params={"uuid": upload.uuid}),
        "list": lambda: other.call("dataset.list"),
    }[what]()
    if what == "list":
        hidden = answer.status == 200 and not is_listed(upload, answer)
        require(hidden, expected="a list without another user's dataset", actual=answer, requirement="GEN-3")
        return
    if what == "progress":
        wanted = "404 to progress: it belongs to another user"
        require(answer.status == 404, expected=wanted, actual=answer, requirement="PROG-4")
    else:
        requirement = "FIN-4" if what == "finalize" else "GEN-3"
        require(
            answer.rejected,
            expected=f"a 4xx to {what}: it belongs to another user",
            actual=answer,
            requirement=requirement,
        )
    told.happened.add("GEN-3")


def is_listed(upload: Upload, answer: RestResponse) -> bool:
    """Whether a list of datasets shows an upload."""
    return upload.uuid in answer.text or upload.name in answer.text


def expect_deleted(upload: Upload) -> None:
    """Nothing may be left of an upload that was deleted (requirement DEL-1).

    Raises:
        Violation: it is still known, or listed.
    """
    with attribute_to("DEL-1"):
        answer = upload.progress_answer()
        require(
            answer.status == 404, expected="404 to progress of what was deleted", actual=answer, requirement="DEL-1"
        )
        listed = upload.account.call("dataset.list")
        gone = listed.status == 200 and not is_listed(upload, listed)
        require(gone, expected="a list without what was deleted", actual=listed, requirement="DEL-1")


def attempt_as_other_user_on_cluster(cluster: Cluster, other: Account, what: str) -> None:
    """Try as another user what only the owner may do with a cluster (requirements GEN-3, ATT-4).

    Args:
        cluster: in direct mode, of somebody else.
        other: who tries.
        what: one of :data:`CLUSTERS_OF_OTHERS`; ``attach`` takes a connection of the budget.

    Raises:
        Violation: it was not refused.
    """
    uuid, task = cluster.uuid, other.target.dialect.modes[0]
    if what == "attach":
        message = first_message(other.token, uuid, CLUSTER)
        expect_rejected(other.target, message, "the cluster belongs to another user", "ATT-4")
        return
    answer = {
        "mode": lambda: other.call("cluster.set_mode", body={"uuid": uuid, "new_state": task}),
        "get": lambda: other.call("cluster.get", params={"uuid": uuid}),
        "delete": lambda: other.call("cluster.delete", params={"uuid": uuid}),
    }[what]()
    require(answer.rejected, expected="a 4xx: it belongs to another user", actual=answer, requirement="GEN-3")


def use_deleted_cluster(cluster: Cluster) -> None:
    """Ask for a cluster that was deleted, and attach to it (requirement DIO-14); takes a connection of the budget.

    Raises:
        Violation: it was not refused.
    """
    account = cluster.account
    with attribute_to("DIO-14"):
        answer = account.call("cluster.get", params={"uuid": cluster.uuid})
        require(answer.rejected, expected="a 4xx: the cluster is deleted", actual=answer, requirement="DIO-14")
        message = first_message(account.token, cluster.uuid, CLUSTER)
        expect_rejected(account.target, message, "the cluster is deleted", "DIO-14")


def attach_after_end(told: TrackedUpload, role: str) -> None:
    """Attach to a file whose upload is over (requirements FIN-7, DEL-1); takes a connection of the budget.

    Raises:
        Violation: it was not refused.
    """
    upload = told.upload
    message = first_message(upload.account.token, upload.files[role].uuid, FILE_UPLOAD)
    requirement = "FIN-7" if told.state == "finalized" else "DEL-1"
    expect_rejected(upload.account.target, message, f"the upload is {told.state}", requirement)


def finalize_with_invalid_body(told: TrackedUpload, others: Sequence[Upload], field: int, wrong: int) -> None:
    """Finalize with a body that is wrong in one field, or on the path of the other kind (requirement FIN-4).

    Args:
        told: the upload.
        others: other uploads, whose files may be named in place of its own.
        field: which of the fields is wrong, by number.
        wrong: in which way, by number, see :data:`WRONG_VALUES`; one more for the other kind's path.

    Raises:
        Violation: it was not refused.
    """
    upload = told.upload
    body = upload.finalize_body()
    name = list(body)[field % len(body)]
    way = wrong % (len(WRONG_VALUES) + 1)
    kind = None
    if way == len(WRONG_VALUES):
        kind, what = ("mnist" if upload.kind == "csv" else "csv"), "the path of the other kind"
    else:
        what = f"{name} is {WRONG_VALUES[way]}"
        wronged = _corrupt_field(body, name, WRONG_VALUES[way], others)
        if wronged is None:
            return
        body = wronged
    answer = upload.finalize(body, kind)
    require(answer.rejected, expected=f"a 4xx to a PUT: {what}", actual=answer, requirement="FIN-4")
    told.happened.add("FIN-4")


def _corrupt_field(body: Mapping[str, Any], name: str, way: str, others: Sequence[Upload]) -> dict[str, Any] | None:
    """Return the body with one field wrong in a way, None where that way would be right."""
    if way == "missing":
        return {field: value for field, value in body.items() if field != name}
    if way == "another upload":
        foreign = [other.finalize_body()[name] for other in others if name in other.finalize_body()]
        return {**body, name: foreign[0]} if foreign else None
    if way == "swapped":
        files = [field for field in body if field != "uuid"]
        return (
            {**body, **dict(zip(files, [body[field] for field in reversed(files)], strict=True))} if files[1:] else None
        )
    if way == "the dataset" and name == "uuid":
        return None
    values = {"unknown": UNKNOWN, "malformed": "not-a-uuid", "null": None, "a number": 1, "the dataset": body["uuid"]}
    return {**body, name: values[way]}
