"""The factory of a case: create resources on the target, and delete them afterwards."""

from __future__ import annotations

import base64
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, Unsupported
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.json_response import is_uuid_text, json_object
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.common.text import printable_line
from hanami_conformance.models.file import FileModel
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.templates import render_template
from hanami_conformance.resources.upload import Upload, UploadFile, init_fields
from hanami_conformance.target.target import Account, Target

NAME_PREFIX = "hc"  # begins the name of every resource that the suite creates
LEAST_INPUT = 4  # values in an input brick that can be split into three messages or left incomplete
REFERENCE_SIZE = 784  # values in the largest brick of the cluster that every target can create
ALREADY = (200, 409)  # statuses of a switch after which the mode is set
NOT_THERE = (200, 400, 404)  # statuses of a DELETE after which the resource does not exist
UNAUTHORISED = 401
CLUSTER_POLL = 0.5  # seconds between attempts to create a cluster on a server that starts


def run_prefix(run_id: str) -> str:
    """Return the prefix in the names of all resources of a run."""
    return f"{NAME_PREFIX}_{run_id}_"


@dataclass(frozen=True)
class Leftover:
    """A resource on the target that must be deleted, or could not be.

    Attributes:
        account: Owner of the resource.
        kind: ``dataset`` or ``cluster``.
        uuid: Uuid of the resource.
        name: Name of the resource, its uuid if the name is unknown.
        reason: Reason why the resource still exists, empty before the attempt to delete it.
    """

    account: Account
    kind: str
    uuid: str
    name: str
    reason: str = ""

    def with_reason(self, reason: str) -> Leftover:
        """Return the same leftover with the reason why it still exists."""
        return replace(self, reason=reason)

    def __str__(self) -> str:
        return f"{self.kind} {printable_line(self.name)}: {self.reason}"


class ResourceFactory:
    """Create resources with names of this run, and delete them.

    Args:
        target: Target on which the resources are created.
        run_id: Part of every name, which distinguishes the leftovers of this run from others.
    """

    def __init__(self, target: Target, run_id: str) -> None:
        self.target = target
        self.prefix = run_prefix(run_id)
        self.creation_failed = False  # a server may keep a cluster although it answered its creation with 5xx
        self._created: dict[str, Leftover] = {}
        self._borrowed_cluster: Cluster | None = None  # the existing cluster (--cluster), while the case uses it
        self.leftovers: list[Leftover] = []

    def name(self, kind: str) -> str:
        """Return a new name that is valid in every dialect."""
        return f"{self.prefix}{kind}_{secrets.token_hex(3)}"

    def csv(self, size: int, account: Account | None = None, name: str = "") -> Upload:
        """Start a CSV upload.

        Args:
            size: Announced size in bytes.
            account: Owner of the upload, the account of the target if None.
            name: Name of the dataset, a new one if empty.
        """
        return self._begin("csv", {"input": size}, account, name)

    def mnist(self, input_size: int, label_size: int, account: Account | None = None, name: str = "") -> Upload:
        """Start an MNIST upload.

        Args:
            input_size: Announced size of the image file in bytes.
            label_size: Announced size of the label file in bytes.
            account: Owner of the upload, the account of the target if None.
            name: Name of the dataset, a new one if empty.
        """
        return self._begin("mnist", {"input": input_size, "label": label_size}, account, name)

    def _begin(self, kind: str, sizes: Mapping[str, int], account: Account | None, name: str = "") -> Upload:
        account = account or self.target.account
        name = name or self.name(kind)
        body = init_fields(name, sizes)
        with precondition(f"beginning a {kind} upload"), uninterrupted():
            answer = account.call(f"{kind}.init", body=body)
            upload = self.from_init_response(answer, kind, name, sizes, account)
        for uuid in (upload.uuid, *(file.uuid for file in upload.files.values())):
            expected = f"uuids that no other resource has, not {uuid}"
            is_new = uuid not in self.target.uuids and not self._existed(uuid)
            require(is_new, expected=expected, actual=answer, requirement="INIT-4")
            self.target.uuids.add(uuid)
        return upload

    def from_init_response(
        self, answer: RestResponse, kind: str, name: str, sizes: Mapping[str, int], account: Account | None = None
    ) -> Upload:
        """Return the upload described by the answer to its init request.

        Raises:
            Violation: If the answer lacks a required uuid.
        """
        parsed = answer.object()
        uuid = parsed.get("uuid")
        if is_uuid_text(uuid) and parsed.get("name", name) == name:
            self.register_for_deletion("dataset", str(uuid), account)
        files: dict[str, UploadFile] = {}
        for role, size in sizes.items():
            file_uuid = parsed.get(f"uuid_{role}_file")
            expected = f"uuid and uuid_{role}_file in the answer"
            require(is_uuid_text(uuid) and is_uuid_text(file_uuid), expected=expected, actual=answer)
            files[role] = UploadFile(role, str(file_uuid), FileModel(size))

        def start_again(other_sizes: Mapping[str, int] = sizes) -> Upload:
            return self._begin(kind, other_sizes, account)

        return Upload(account or self.target.account, kind, name, str(uuid), files, start_again)

    def register_unexpected(self, answer: RestResponse, operation: str) -> None:
        """Register a resource for deletion that the server created although it should have rejected the request."""
        if answer.status == 200 and operation.endswith((".init", ".create")):
            uuid = (json_object(answer.body) or {}).get("uuid")
            if is_uuid_text(uuid):
                self.register_for_deletion("cluster" if operation.startswith("cluster") else "dataset", str(uuid))

    def dataset(self, kind: str, contents: Mapping[str, bytes], account: Account | None = None) -> Upload:
        """Create a finalized dataset, as a precondition.

        Raises:
            PreconditionFailed: If a step of the upload fails.
        """
        upload = self._begin(kind, {role: len(content) for role, content in contents.items()}, account)
        upload.write_all(contents)
        with precondition("finalizing a dataset"):
            require(upload.wait_complete(), expected="complete = true after every byte", actual="complete = false")
            upload.finalize().object()
        return upload

    def cluster(self, shape: ClusterShape, account: Account | None = None, name: str = "") -> Cluster:
        """Create a cluster in task mode.

        Args:
            shape: Bricks of the cluster and their sizes.
            account: Owner of the cluster, the account of the target if None.
            name: Name of the cluster, a new one if empty.

        Raises:
            PreconditionFailed: If the target does not create it.
            Unsupported: If the run uses an existing cluster, so that none is created, or if the target rejects a larger
                one than the reference size, which no requirement asks for.
        """
        if self.target.given_cluster is not None:
            raise Unsupported("needs a new cluster of its own: the given one (--cluster) may have learned something")
        account = account or self.target.account
        # Only the first cluster of a run may meet a server that is starting; a given name is tried once.
        seconds = 0.0 if name or self.target.tried_clusters else self.target.timeouts.setting
        with precondition("making a cluster"), uninterrupted():
            name, answer = self.request_cluster(shape, account, name, Deadline.after(seconds))
            if answer.rejected and shape.largest > REFERENCE_SIZE:
                raise Unsupported(f"the target creates no cluster with {shape.largest} values in a brick: {answer}")
            uuid = answer.object().get("uuid")
            is_new = is_uuid_text(uuid) and not self._existed(str(uuid))
            require(is_new, expected="the uuid of the new cluster", actual=answer)
            self.register_for_deletion("cluster", str(uuid), account)
        return Cluster(account, name, str(uuid), shape, is_sized=self.target.dialect.has_sizes)

    def request_cluster(
        self,
        shape: ClusterShape,
        account: Account,
        name: str,
        until: Deadline,
        is_down: Callable[[], object] = lambda: False,
    ) -> tuple[str, RestResponse]:
        """Request a cluster, and repeat that after a 5xx: real servers answer so for a while after their start.

        Each attempt has a name of its own, since such a server may keep what it failed to create. It is deleted at the
        end of the run by its name.

        Args:
            shape: Bricks of the cluster and their sizes.
            account: Owner of the cluster.
            name: Name of the cluster, a new one for each attempt if empty.
            until: Deadline of the last attempt.
            is_down: Function that returns whether no further attempt can succeed.

        Returns:
            The name of the last attempt, and its answer.
        """
        while True:
            tried = name or self.name("cluster")
            answer = account.call("cluster.create", body=self.cluster_body(tried, shape))
            if not answer.failed or until.passed or is_down():
                self.target.tried_clusters = True
                return tried, answer
            self.creation_failed = True
            time.sleep(CLUSTER_POLL)

    def cluster_body(self, name: str, shape: ClusterShape) -> dict[str, str]:
        """Return the body of the request that creates a cluster."""
        template = render_template(self.target.dialect, shape)
        return {"name": name, "template": base64.b64encode(template.encode()).decode()}

    def any_cluster(self, shape: ClusterShape) -> Cluster:
        """Return a cluster in task mode that may have been trained before: the existing one, else a new one.

        Args:
            shape: Shape of a new cluster. The existing one has one input and one output brick with its own names and
                sizes.

        Raises:
            PreconditionFailed: If the target does not create it, or does not switch its mode.
            Unsupported: If the existing cluster does not fit.
        """
        given = self.target.given_cluster
        if given is None:
            return self.cluster(shape)
        if self._borrowed_cluster is not None:
            raise Unsupported("needs two clusters, and one was given (--cluster)")
        if len(given.inputs) != 1 or len(given.outputs) != 1 or min(given.inputs.values()) < LEAST_INPUT:
            raise Unsupported(
                f"needs a cluster of one input brick with {LEAST_INPUT} values or more, and one output brick;"
                f" given is {given}"
            )
        actual_shape = ClusterShape(given.inputs, given.outputs, hidden=0)
        cluster = self._borrowed_cluster = Cluster(self.target.account, given.uuid, given.uuid, actual_shape)
        with precondition("switching the given cluster to task mode"):
            answer = cluster.set_mode(self.target.dialect.modes[0])
            require(answer.status in ALREADY, expected="200 to the switch, or 409: it is set already", actual=answer)
        return cluster

    def register_for_deletion(self, kind: str, uuid: str, account: Account | None = None) -> None:
        """Register a ``dataset`` or ``cluster`` for deletion after the case, unless it was there before the run."""
        if not self._existed(uuid):
            self._created[uuid] = Leftover(account or self.target.account, kind, uuid, uuid)

    def _existed(self, uuid: str) -> bool:
        return self.target.rest.forbids_deletion(uuid)

    def clean(self) -> None:
        """Close the sockets, delete every created resource, and leave an existing cluster in task mode.

        Resources that cannot be deleted are added to ``leftovers``.
        """
        self.target.close_connections()
        if not self._created and self._borrowed_cluster is None:
            return
        with uninterrupted():
            with contextlib.suppress(TargetDown):  # the deletions below fail then, and say so
                self.target.renew_tokens()
            self.leftovers += [left for left in map(delete, self._created.values()) if left is not None]
            self._created.clear()
            if self._borrowed_cluster is not None:
                with contextlib.suppress(ResponseTimeout, ConnectionClosed, TargetDown):
                    self._borrowed_cluster.set_mode(self.target.dialect.modes[0])
                self._borrowed_cluster = None


def delete(left: Leftover) -> Leftover | None:
    """Delete a resource.

    Returns:
        None if it no longer exists, else the leftover with the reason.
    """
    target = left.account.target
    if left.kind in target.unsafe_deletions:
        return left.with_reason(f"not deleted, since the deletion of {left.kind}s crashes the server")
    case = current_case()
    earlier = case.last_deleted
    try:
        answer = left.account.call(f"{left.kind}.delete", params={"uuid": left.uuid})
        if answer.status == UNAUTHORISED:  # the token may have expired
            target.renew(left.account)
            answer = left.account.call(f"{left.kind}.delete", params={"uuid": left.uuid})
    except TargetDown as error:  # it was down before, so an earlier deletion may be the cause, and this one is not
        case.deleting = (earlier, case.sent)
        return left.with_reason(str(error))
    except (ResponseTimeout, ConnectionClosed) as error:
        case.deleting = (left.kind, case.sent)
        return left.with_reason(str(error))
    case.deleting = (left.kind, case.sent)
    return None if answer.status in NOT_THERE else left.with_reason(str(answer))
