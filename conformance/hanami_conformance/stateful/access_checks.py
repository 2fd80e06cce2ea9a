"""Requests that must be rejected: by other users, after the deletion of a resource, or with an invalid body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Violation
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.training import vector
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.upload_state import TrackedUpload
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, expect_rejected, first_message
from hanami_conformance.target.target import Account

UNKNOWN = "6fa459ea-ee8a-4ca4-894e-db77e160355e"

# A sequence names these by their number.
OTHER_USER_ACTIONS = ("progress", "attach", "finalize", "delete", "get", "list")
OTHER_USER_CLUSTER_ACTIONS = ("attach", "mode", "get", "delete")


def attempt_as_other_user(tracked: TrackedUpload, other: Account, action: str) -> None:
    """Attempt as another user an operation that only the owner may perform (requirements GEN-3, PROG-4, ATT-4, FIN-4).

    Args:
        tracked: Upload of another account.
        other: Account that attempts the operation.
        action: One of :data:`OTHER_USER_ACTIONS`; ``attach`` needs a free connection.

    Raises:
        Violation: If the operation is not rejected.
    """
    upload = tracked.upload
    uuid = {"uuid": upload.uuid}
    reason = "it belongs to another user"
    match action:
        case "attach":
            for file in upload.files.values():
                message = first_message(other.token, file.uuid, FILE_UPLOAD)
                what = f"the {file.role} file belongs to another user"
                expect_rejected(upload.account.target, message, what, "ATT-4")
        case "list":
            answer = other.call("dataset.list")
            hidden = answer.status == 200 and not is_listed(upload, answer)
            require(hidden, expected="a list without another user's dataset", actual=answer, requirement="GEN-3")
            return
        case "progress":
            answer = other.call("dataset.progress", params=uuid)
            expected = f"404 to progress: {reason}"
            require(answer.status == 404, expected=expected, actual=answer, requirement="PROG-4")
        case "finalize":
            answer = other.call(f"{upload.kind}.finalize", body=upload.finalize_body())
            require(answer.rejected, expected=f"a 4xx to {action}: {reason}", actual=answer, requirement="FIN-4")
        case _:
            answer = other.call(f"dataset.{action}", params=uuid)
            require(answer.rejected, expected=f"a 4xx to {action}: {reason}", actual=answer, requirement="GEN-3")
    tracked.touched_requirements.add("GEN-3")


def is_listed(upload: Upload, answer: RestResponse) -> bool:
    """Whether a list of datasets contains an upload."""
    return upload.uuid in answer.text or upload.name in answer.text


def expect_deleted(upload: Upload) -> None:
    """Check that a deleted upload is neither known nor listed any more (requirement DEL-1)."""
    with attribute_to("DEL-1"):
        answer = upload.progress_answer()
        expected = "404 to the progress of a deleted upload"
        require(answer.status == 404, expected=expected, actual=answer, requirement="DEL-1")
        answer = upload.account.call("dataset.list")
        gone = answer.status == 200 and not is_listed(upload, answer)
        require(gone, expected="a list without the deleted upload", actual=answer, requirement="DEL-1")


def attempt_as_other_user_on_cluster(cluster: Cluster, other: Account, action: str) -> None:
    """Attempt as another user an operation that only the owner of a cluster may perform (requirements GEN-3, ATT-4).

    Args:
        cluster: Cluster of another account, in direct mode.
        other: Account that attempts the operation.
        action: One of :data:`OTHER_USER_CLUSTER_ACTIONS`; ``attach`` needs a free connection.

    Raises:
        Violation: If the operation is not rejected.
    """
    uuid = cluster.uuid
    match action:
        case "attach":
            message = first_message(other.token, uuid, CLUSTER)
            expect_rejected(other.target, message, "the cluster belongs to another user", "ATT-4")
            return
        case "mode":
            task = other.target.dialect.modes[0]
            answer = other.call("cluster.set_mode", body={"uuid": uuid, "new_state": task})
        case _:
            answer = other.call(f"cluster.{action}", params={"uuid": uuid})
    require(answer.rejected, expected="a 4xx: it belongs to another user", actual=answer, requirement="GEN-3")


def use_deleted_cluster(cluster: Cluster) -> None:
    """Check that a deleted cluster is unknown and accepts no socket (requirement DIO-14); needs a free connection."""
    account = cluster.account
    with attribute_to("DIO-14"):
        answer = account.call("cluster.get", params={"uuid": cluster.uuid})
        require(answer.rejected, expected="a 4xx: the cluster is deleted", actual=answer, requirement="DIO-14")
        message = first_message(account.token, cluster.uuid, CLUSTER)
        expect_rejected(account.target, message, "the cluster is deleted", "DIO-14")


def expect_no_output(socket: ClusterSocket) -> None:
    """Check that a request to a deleted cluster gets no output, and close its socket (requirement DIO-14).

    The connection may be closed, or the answer may be missing, or be no output.

    Raises:
        Violation: If the request gets an output, or bytes that cannot be decoded (requirement DIO-1).
    """
    socket.websocket.awaiting = "end of the access to a deleted cluster"
    name, size = next(iter(socket.shape.inputs.items()))
    answer: Message | CloseInfo | Violation
    try:
        socket.send(name, vector(size, seed=1), is_last=True)
        answer = socket.websocket.receive_or_close("the end of the access to a deleted cluster")
    except (ConnectionClosed, ResponseTimeout) as ended:
        answer = ended
    is_output = isinstance(answer, Message) and socket.carries_output(answer)
    require(not is_output, expected="no output of a deleted cluster", actual=answer, requirement="DIO-14")
    socket.close()


def attach_after_end(tracked: TrackedUpload, role: str) -> None:
    """Attach to a file whose upload is finalized or deleted (requirements FIN-7, DEL-1); needs a free connection.

    Raises:
        Violation: If the socket is not rejected.
    """
    upload = tracked.upload
    message = first_message(upload.account.token, upload.files[role].uuid, FILE_UPLOAD)
    requirement = "FIN-7" if tracked.state == "finalized" else "DEL-1"
    expect_rejected(upload.account.target, message, f"the upload is {tracked.state}", requirement)


Body = dict[str, Any]


def _without_field(body: Mapping[str, Any], name: str, others: Sequence[Upload]) -> Body | None:  # noqa: ARG001
    return {field: value for field, value in body.items() if field != name}


def _of_another_upload(body: Mapping[str, Any], name: str, others: Sequence[Upload]) -> Body | None:
    foreign = [other.finalize_body()[name] for other in others if name in other.finalize_body()]
    return {**body, name: foreign[0]} if foreign else None


def _with_swapped_files(body: Mapping[str, Any], name: str, others: Sequence[Upload]) -> Body | None:  # noqa: ARG001
    files = [field for field in body if field != "uuid"]
    swapped = dict(zip(files, [body[field] for field in reversed(files)], strict=True))
    return {**body, **swapped} if len(files) > 1 else None


def _of_the_dataset(body: Mapping[str, Any], name: str, others: Sequence[Upload]) -> Body | None:  # noqa: ARG001
    return None if name == "uuid" else {**body, name: body["uuid"]}


def _with_value(value: Any, body: Mapping[str, Any], name: str, others: Sequence[Upload]) -> Body | None:  # noqa: ARG001
    return {**body, name: value}


# How a field of the body that finalizes is corrupted, named by number in a sequence; None where that would be valid.
CORRUPTIONS: Mapping[str, Callable[[Mapping[str, Any], str, Sequence[Upload]], Body | None]] = {
    "another upload": _of_another_upload,
    "unknown": partial(_with_value, UNKNOWN),
    "malformed": partial(_with_value, "not-a-uuid"),
    "null": partial(_with_value, None),
    "a number": partial(_with_value, 1),
    "missing": _without_field,
    "the dataset": _of_the_dataset,
    "swapped": _with_swapped_files,
}


def finalize_with_invalid_body(
    tracked: TrackedUpload, others: Sequence[Upload], field_number: int, corruption_number: int
) -> None:
    """Finalize with a body that is invalid in one field, or on the path of the other kind (requirement FIN-4).

    Args:
        tracked: Upload to finalize.
        others: Other uploads, whose files may be named in place of its own.
        field_number: Number of the field.
        corruption_number: Number of the corruption in :data:`CORRUPTIONS`; one more for the other kind's path.

    Raises:
        Violation: If the request is not rejected.
    """
    upload = tracked.upload
    body: Body | None = upload.finalize_body()
    assert body is not None
    name = list(body)[field_number % len(body)]
    number = corruption_number % (len(CORRUPTIONS) + 1)
    kind = None
    if number == len(CORRUPTIONS):
        kind, what = ("mnist" if upload.kind == "csv" else "csv"), "the path of the other kind"
    else:
        corruption = list(CORRUPTIONS)[number]
        what = f"{name} is {corruption}"
        body = CORRUPTIONS[corruption](body, name, others)
        if body is None:
            return
    answer = upload.finalize(body, kind)
    require(answer.rejected, expected=f"a 4xx to a PUT: {what}", actual=answer, requirement="FIN-4")
    tracked.touched_requirements.add("FIN-4")
