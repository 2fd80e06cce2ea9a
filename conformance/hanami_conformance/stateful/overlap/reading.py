"""A look at what overlapping operations left, which becomes a part of their history."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Violation
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import check_dataset
from hanami_conformance.resources.readback import read_columns, readable_columns
from hanami_conformance.stateful.overlap.branches import Branch, HeldOperation, Outcome, run_in_turn
from hanami_conformance.stateful.overlap.history import ALONE, REJECTED, Operation
from hanami_conformance.stateful.overlap.operations import (
    OverlapCluster,
    OverlapUpload,
    StartedUpload,
    cluster_call,
    cycle,
    listing,
    upload_call,
)
from hanami_conformance.stateful.overlap.upload_model import ReadDataset
from hanami_conformance.stateful.upload_state import dataset_model

DATASETS_READ = 2  # of the uploads that overlapping operations started
NOT_USABLE = "not usable"


def look_at_upload(upload: OverlapUpload, outcome: Outcome) -> None:
    """Ask for the progress of an upload, finalize it unless it may be deleted, and read its list entry and content."""
    # Some servers do not survive other requests for what was deleted.
    deleted = _may_have(upload.name, outcome, "delete")
    _alone(upload_call(upload, "progress"), outcome)
    if not deleted:
        _alone(upload_call(upload, "finalize"), outcome)
    _alone(listing([upload]), outcome)
    if not deleted and _may_have(upload.name, outcome, "finalize"):
        _read_content(upload, outcome)


def look_at_cluster(cluster: OverlapCluster, outcome: Outcome) -> None:
    """Switch a cluster to direct mode if its mode may have changed, attach a socket, and repeat the known requests."""
    deleted = _may_have(cluster.name, outcome, "delete_cluster")
    if deleted or any(_may_have(cluster.name, outcome, action) for action in ("mode", "restart")):
        if not deleted:
            _alone(cluster_call(cluster, "mode", 0), outcome)
        _alone(cluster_call(cluster, "mode", 1), outcome)
    if deleted:
        return
    try:
        socket = cluster.cluster.reattach()
    except (ResponseTimeout, ConnectionClosed):
        raise
    except Violation as violation:
        now = time.monotonic()
        text = f"attaching to {cluster.name} again: {violation.actual}"
        outcome.history.add(Operation(ALONE, "cycle", cluster.name, NOT_USABLE, now, now, {}, text))
        return
    for kind in list(cluster.known):
        _alone(cycle(cluster, socket, kind, trains=False), outcome)
    socket.close()


def look_at_lost_upload(upload: OverlapUpload, outcome: Outcome) -> None:
    """Send requests for an upload that need not be kept over a restart: only a 5xx is wrong (requirement GEN-1)."""
    _alone(upload_call(upload, "progress"), outcome)
    _alone(upload_call(upload, "finalize"), outcome)


def look_at_lost_cluster(cluster: OverlapCluster, outcome: Outcome) -> None:
    """Send a request for a cluster that need not be kept over a restart: only a 5xx is wrong (requirement GEN-1)."""
    _alone(cluster_call(cluster, "mode", 1), outcome)


def look_at_new_uploads(resources: ResourceFactory, started: Sequence[StartedUpload]) -> None:
    """Check that uploads which overlapping operations started are distinct and usable (requirement INIT-4)."""
    uploads = []
    for one in started:
        if one.answer is not None and one.answer.status == 200:
            upload = resources.from_init_response(one.answer, one.kind, one.dataset, one.sizes, one.account)
            uploads.append((upload, one))
    uuids = [uuid for upload, _ in uploads for uuid in (upload.uuid, *(file.uuid for file in upload.files.values()))]
    for uuid in uuids:
        is_new = uuids.count(uuid) == 1 and uuid not in resources.target.uuids
        expected = "uuids that no other resource has"
        require(is_new, expected=expected, actual=f"{uuid} more than once", requirement="INIT-4")
    resources.target.uuids.update(uuids)
    for upload, one in uploads[:DATASETS_READ]:
        upload.write_all(one.contents)
    for upload, one in uploads[:DATASETS_READ]:
        require(upload.progress(), expected="complete = true after every byte", actual="false", requirement="PROG-3")
        answer = upload.finalize()
        require(answer.status == 200, expected="200 to the PUT", actual=answer, requirement="FIN-1")
        check_dataset(upload, dataset_model(one.contents))


def _may_have(name: str, outcome: Outcome, action: str) -> bool:
    """Return whether an operation of this kind may have taken effect."""
    return any(one.action == action and one.answer != REJECTED for one in outcome.history.of(name))


def _alone(held: HeldOperation | None, outcome: Outcome) -> None:
    run_in_turn([Branch(ALONE, [lambda: held])], outcome)


def _read_content(upload: OverlapUpload, outcome: Outcome) -> None:
    """Read the description and the content of a dataset."""
    begin = time.monotonic()
    answer: object
    try:
        answer = _dataset(upload)
        text = str(answer)
    except (ResponseTimeout, ConnectionClosed):
        raise
    except Violation as violation:
        answer, text = NOT_USABLE, f"{violation.actual}, not {violation.expected}"
    what = f"the content of {upload.name}: {text}"
    outcome.history.add(Operation(ALONE, "content", upload.name, answer, begin, time.monotonic(), {}, what))


def _dataset(upload: OverlapUpload) -> ReadDataset | str:
    target, source = upload.tracked.upload.account.target, upload.tracked.upload
    description = source.description()
    if description.rejected:
        return REJECTED
    described = description.object()
    rows = tuple(described[key] for key in target.dialect.rows_keys if key in described)
    columns = readable_columns(upload.model.any_dataset(), described)
    served = columns and target.serves_content(source.account, source.uuid, next(iter(columns)))
    return ReadDataset(rows, read_columns(source, columns if served else {}))
