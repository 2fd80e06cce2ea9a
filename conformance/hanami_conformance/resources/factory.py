"""Makes the resources of a case on the target, and deletes them after it."""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, Unsupported
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.json_response import is_uuid_text, json_object
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.common.text import printable_line
from hanami_conformance.models.file import FileModel
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.templates import render_template
from hanami_conformance.resources.upload import Upload, UploadFile
from hanami_conformance.target.target import Account, Target

NAME_PREFIX = "hc"  # of every resource that the suite makes
LEAST_INPUT = 4  # values of an input brick that can be cut in three, and lack some
ALREADY = (200, 409)  # answers to a switch after which the mode is set
NOT_THERE = (200, 400, 404)  # answers to a DELETE after which nothing is left
UNAUTHORISED = 401


def run_prefix(run_id: str) -> str:
    """How the name of everything begins that a run makes."""
    return f"{NAME_PREFIX}_{run_id}_"


@dataclass(frozen=True)
class Leftover:
    """Something on the target that has to go, or could not be deleted.

    Attributes:
        account: whose it is.
        kind: ``dataset`` or ``cluster``.
        uuid: of it.
        name: of it, or its uuid where that is not known.
        why: it is still there.
    """

    account: Account
    kind: str
    uuid: str
    name: str
    why: str = ""

    def because(self, why: str) -> Leftover:
        """Return the same, with the reason why it is still there."""
        return replace(self, why=why)

    def __str__(self) -> str:
        return f"{self.kind} {printable_line(self.name)}: {self.why}"


class ResourceFactory:
    """Makes resources with names of this run, and deletes them.

    Args:
        target: where.
        run_id: part of every name, so that leftovers of this run can be told apart.
    """

    def __init__(self, target: Target, run_id: str) -> None:
        self.target = target
        self.prefix = run_prefix(run_id)
        self._made: dict[str, Leftover] = {}
        self._lent: Cluster | None = None  # the given one, in the hands of this case
        self.leftovers: list[Leftover] = []

    def name(self, kind: str) -> str:
        """Return a new name, right in every dialect."""
        return f"{self.prefix}{kind}_{secrets.token_hex(3)}"

    def csv(self, size: int, account: Account | None = None, name: str = "") -> Upload:
        """Begin a CSV upload.

        Args:
            size: announced bytes.
            account: whose it shall be, the first user's when None.
            name: of the dataset, a new one when empty.
        """
        return self._begin("csv", {"input": size}, account, name)

    def mnist(self, input_size: int, label_size: int, account: Account | None = None, name: str = "") -> Upload:
        """Begin an MNIST upload.

        Args:
            input_size: announced bytes of the images.
            label_size: announced bytes of the labels.
            account: whose it shall be, the first user's when None.
            name: of the dataset, a new one when empty.
        """
        return self._begin("mnist", {"input": input_size, "label": label_size}, account, name)

    def _begin(self, kind: str, sizes: Mapping[str, int], account: Account | None, name: str = "") -> Upload:
        account = account or self.target.account
        name = name or self.name(kind)
        body = {"name": name, **{f"{role}_data_size": size for role, size in sizes.items()}}
        with precondition(f"beginning a {kind} upload"), uninterrupted():
            answer = account.call(f"{kind}.init", body=body)
            upload = self.from_init_response(answer, kind, name, sizes, account)
        for uuid in (upload.uuid, *(file.uuid for file in upload.files.values())):
            wanted = f"uuids that nothing else of this run has, not {uuid}"
            require(uuid not in self.target.uuids, expected=wanted, actual=answer, requirement="INIT-4")
            self.target.uuids.add(uuid)
        return upload

    def from_init_response(
        self, answer: RestResponse, kind: str, name: str, sizes: Mapping[str, int], account: Account | None = None
    ) -> Upload:
        """Take an upload from the answer to its init.

        Raises:
            Violation: the answer lacks a uuid that it must have.
        """
        parsed = answer.object()
        uuid = parsed.get("uuid")
        if is_uuid_text(uuid):
            self.register_for_deletion("dataset", str(uuid), account)
        files: dict[str, UploadFile] = {}
        for role, size in sizes.items():
            file_uuid = parsed.get(f"uuid_{role}_file")
            require(
                is_uuid_text(uuid) and is_uuid_text(file_uuid),
                expected=f"uuid and uuid_{role}_file in the answer",
                actual=answer,
            )
            files[role] = UploadFile(role, str(file_uuid), FileModel(size))
        return Upload(account or self.target.account, kind, name, str(uuid), files)

    def register_unexpected(self, answer: RestResponse, operation: str) -> None:
        """Note what was made although it should have been refused, so that it is deleted all the same."""
        if answer.status == 200 and operation.endswith((".init", ".create")):
            uuid = (json_object(answer.body) or {}).get("uuid")
            if is_uuid_text(uuid):
                self.register_for_deletion("cluster" if operation.startswith("cluster") else "dataset", str(uuid))

    def dataset(self, kind: str, contents: Mapping[str, bytes], account: Account | None = None) -> Upload:
        """Return a finalized dataset, as preparation for something else.

        Raises:
            PreconditionFailed: a step on the way failed.
        """
        upload = self._begin(kind, {role: len(content) for role, content in contents.items()}, account)
        upload.write_all(contents)
        with precondition("finalizing a dataset"):
            require(upload.wait_complete(), expected="complete = true after every byte", actual="complete = false")
            upload.finalize().object()
        return upload

    def cluster(self, shape: ClusterShape, account: Account | None = None, name: str = "") -> Cluster:
        """Return a new cluster, in task mode.

        Args:
            shape: of it.
            account: whose it shall be, the first user's when None.
            name: of it, a new one when empty.

        Raises:
            PreconditionFailed: the target does not make it.
            Unsupported: a cluster was given, so that none is made.
        """
        if self.target.given_cluster is not None:
            raise Unsupported("needs a new cluster of its own: the given one (--cluster) may have learned something")
        account = account or self.target.account
        name = name or self.name("cluster")
        with precondition("making a cluster"), uninterrupted():
            answer = account.call("cluster.create", body=self.cluster_body(name, shape))
            uuid = answer.object().get("uuid")
            require(is_uuid_text(uuid), expected="the uuid of the new cluster", actual=answer)
            self.register_for_deletion("cluster", str(uuid), account)
        return Cluster(account, name, str(uuid), shape)

    def cluster_body(self, name: str, shape: ClusterShape) -> dict[str, str]:
        """Return the body of a POST that makes a cluster."""
        template = render_template(self.target.dialect.template, shape)
        return {"name": name, "template": base64.b64encode(template.encode()).decode()}

    def any_cluster(self, shape: ClusterShape) -> Cluster:
        """One cluster, whatever it has learned: the given one, else a new one; in task mode.

        Args:
            shape: of a new one. The given one has one input and one output brick, of names and sizes of its own.

        Raises:
            PreconditionFailed: the target does not make it, or does not switch its mode.
            Unsupported: the given one can't be taken for it.
        """
        given = self.target.given_cluster
        if given is None:
            return self.cluster(shape)
        if self._lent is not None:
            raise Unsupported("needs two clusters, and one was given (--cluster)")
        if len(given.inputs) != 1 or len(given.outputs) != 1 or min(given.inputs.values()) < LEAST_INPUT:
            raise Unsupported(
                f"needs a cluster of one input brick with {LEAST_INPUT} values or more, and one output brick;"
                f" given is {given}"
            )
        made = ClusterShape(given.inputs, given.outputs, hidden=0)
        self._lent = Cluster(self.target.account, given.uuid, given.uuid, made)
        with precondition("switching the given cluster to task mode"):
            answer = self._lent.set_mode(self.target.dialect.modes[0])
            require(answer.status in ALREADY, expected="200 to the switch, or 409: it is set already", actual=answer)
        return self._lent

    def register_for_deletion(self, kind: str, uuid: str, account: Account | None = None) -> None:
        """Note something that must go: ``dataset`` or ``cluster`` and its uuid."""
        self._made[uuid] = Leftover(account or self.target.account, kind, uuid, uuid)

    def clean(self) -> None:
        """Close the sockets, delete everything that was made, and leave a given cluster in task mode.

        What cannot be deleted is noted as left over.
        """
        self.target.close_websockets()
        if not self._made and self._lent is None:
            return
        with uninterrupted():
            with contextlib.suppress(TargetDown):  # what can't be deleted then is noted
                self.target.renew_tokens()
            self.leftovers += [left for left in map(delete, self._made.values()) if left is not None]
            self._made.clear()
            if self._lent is not None:
                with contextlib.suppress(ResponseTimeout, ConnectionClosed, TargetDown):
                    self._lent.set_mode(self.target.dialect.modes[0])
                self._lent = None


def delete(left: Leftover) -> Leftover | None:
    """Delete something.

    Returns:
        None when it is gone, else what is left, with the reason.
    """
    try:
        answer = left.account.call(f"{left.kind}.delete", params={"uuid": left.uuid})
        if answer.status == UNAUTHORISED:  # the token may have expired
            left.account.target.renew(left.account)
            answer = left.account.call(f"{left.kind}.delete", params={"uuid": left.uuid})
    except (ResponseTimeout, ConnectionClosed, TargetDown) as error:
        return left.because(str(error))
    return None if answer.status in NOT_THERE else left.because(str(answer))
