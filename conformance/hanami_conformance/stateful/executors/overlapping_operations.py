"""Executor of overlapping operations: a prefix, branches on threads of their own, and a look at what they left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from hanami_conformance.cases.attribution import attribute_to, precondition
from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.recording import recording_paused
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.overlap.branches import Branch, HeldOperation, Outcome, run_beside, run_in_turn
from hanami_conformance.stateful.overlap.history import ALONE
from hanami_conformance.stateful.overlap.judgement import judge, missing_answer
from hanami_conformance.stateful.overlap.operations import (
    OverlapCluster,
    OverlapUpload,
    StartedUpload,
    cluster_call,
    cycle,
    listing,
    send_block,
    start_upload,
    upload_call,
)
from hanami_conformance.stateful.overlap.reading import (
    look_at_cluster,
    look_at_lost_cluster,
    look_at_lost_upload,
    look_at_new_uploads,
    look_at_upload,
)
from hanami_conformance.stateful.overlap.server_operations import OverlapServer
from hanami_conformance.stateful.upload_state import TrackedUpload, mnist_files, table_file
from hanami_conformance.target.target import Account

MOST_BRANCHES = 4
MOST_UPLOADS = 3
MOST_CLUSTERS = 2
HIDDEN = 6
BRANCH = "branch"  # argument of steps that overlap
DELAY = "delay_us"  # argument of the first step of a branch: microseconds after the others, so that others come first
MOST_DELAY = 100_000
SOCKET_ACTIONS = ("chunk", "cycle", "train")
SERVER_ACTIONS = ("suspend", "kill")  # in branches only; before them, sequences of other kinds have them

Socket = UploadSocket | ClusterSocket


@dataclass
class OverlapExecutor:
    """Executes a sequence whose steps with a ``branch`` overlap, and those without one before them.

    Args:
        resources: Factory of the uploads and clusters.
        accounts: Accounts that may own them; a sequence names them by number.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`.

        Where the same steps fail one after the other as well, overlap is not the reason, and the violated requirement
        is that of the failure without it.
        """
        for step in steps:
            step.require_action(ACTIONS)
        run = _Run(self.resources, self.accounts)
        try:
            run.execute(steps, overlapping=True)
        except Violation as violation:
            others = [step for step in steps if step.action not in SERVER_ACTIONS]
            alone = self._failure_in_turn(others) if run.branches > 1 else None
            if alone is not None and alone.requirement not in (None, violation.requirement):
                violation.reattribute(str(alone.requirement))
            raise
        finally:
            run.server.close()

    def _failure_in_turn(self, steps: Sequence[Step]) -> Violation | None:
        self.resources.target.close_connections()
        try:
            with recording_paused():
                _Run(self.resources, self.accounts).execute(steps, overlapping=False)
        except Violation as violation:
            return violation
        except (PreconditionFailed, TargetDown):
            return None
        finally:
            self.resources.target.close_connections()
        return None


@dataclass
class _Run:
    """One execution of a sequence."""

    resources: ResourceFactory
    accounts: Sequence[Account]
    uploads: list[OverlapUpload] = field(default_factory=list)
    clusters: list[OverlapCluster] = field(default_factory=list)
    started: list[StartedUpload] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    branches: int = 0

    def __post_init__(self) -> None:
        self.server = OverlapServer(self.resources.target)

    def execute(self, steps: Sequence[Step], *, overlapping: bool) -> None:
        """Execute steps, look at what they left, and judge all answers."""
        self.resources.target.connection_limit.require(2)
        for step in steps:
            if BRANCH not in step.arguments and step.action not in SERVER_ACTIONS:
                self._execute_alone(step)
        try:
            self._overlap(steps, overlapping=overlapping)
        except TargetDown as down:
            if self.outcome.missing:
                raise missing_answer(self.outcome.missing, self.outcome.history) from down
            raise
        for upload in self.uploads:
            upload.model.note_history(self.outcome.history.of(upload.name))
        models = {one.name: one.model for one in self.uploads} | {one.name: one.model for one in self.clusters}
        judge(self.outcome, models)
        if overlapping and len(self.started) > 1:
            with attribute_to("INIT-4"):
                look_at_new_uploads(self.resources, self.started)
        else:
            look_at_new_uploads(self.resources, self.started)

    def _overlap(self, steps: Sequence[Step], *, overlapping: bool) -> None:
        """Execute the branches, and look at what they left."""
        branches = self._branches(steps, min(MOST_BRANCHES, self.resources.target.connection_limit.limit))
        self.branches = len(branches)
        if overlapping:
            extra = sum(upload.finalize_seconds for upload in self.uploads)
            waits = self.resources.target.timeouts.setting + extra
            run_beside(branches, self.outcome, waits * 2 * (1 + len(steps)))
        else:
            run_in_turn(branches, self.outcome)
        self.resources.target.close_connections()
        keeps_datasets = keeps_all = True
        if self.outcome.killed:
            names = [upload.name for upload in self.uploads] + [cluster.name for cluster in self.clusters]
            self.server.restart(self.outcome, names)
            durable = self.resources.target.durable
            keeps_datasets, keeps_all = durable != "none", durable == "all"
        for upload in self.uploads:
            (look_at_upload if keeps_datasets else look_at_lost_upload)(upload, self.outcome)
        for cluster in self.clusters:
            (look_at_cluster if keeps_all else look_at_lost_cluster)(cluster, self.outcome)
        if not keeps_all:
            self.started.clear()

    def _execute_alone(self, step: Step) -> None:
        if step.action in self.creations:
            self.creations[step.action](self, step)
            return
        socket = self._attach(step) if step.action in SOCKET_ACTIONS else None
        held = self._hold(step, socket)
        if held is not None:
            branch = Branch(ALONE, [lambda: held])
            run_in_turn([branch], self.outcome)
        if socket is not None:
            socket.close()

    def _branches(self, steps: Sequence[Step], most: int) -> list[Branch]:
        """Return the branches of a sequence, each with its own REST connections or with one socket."""
        grouped: dict[int, list[Step]] = {}
        for step in steps:
            if BRANCH in step.arguments:
                grouped.setdefault(1 + (step.int_argument(BRANCH) - 1) % most, []).append(step)
        branches, taken = [], set[str]()
        for number, own in sorted(grouped.items()):
            place = self._place(own[0])
            if place and place in taken and own[0].action != "chunk":
                continue  # a second socket on the same cluster is left open
            taken.add(place)
            same = [step for step in own if self._place(step) == place]
            socket = self._attach(same[0]) if place else None
            if place and socket is None:
                continue
            delay = min(own[0].int_argument(DELAY), MOST_DELAY) / 1e6 if DELAY in own[0].arguments else 0.0
            branches.append(Branch(number, [_preparation(self, step, socket) for step in same], delay))
        return branches

    def _place(self, step: Step) -> str:
        """Return what a socket for a step is attached to, empty if it needs none."""
        if step.action == "chunk" and self.uploads:
            upload = self._upload(step)
            return f"{upload.name} {upload.role(step.int_argument('file'))}"
        if step.action in SOCKET_ACTIONS and self.clusters:
            return self._cluster(step).name
        return ""

    def _attach(self, step: Step) -> Socket | None:
        """Attach the socket that a step needs; None if there is nothing to attach it to, or another one is rejected."""
        if step.action == "chunk":
            if not self.uploads:
                return None
            upload = self._upload(step)
            try:
                return upload.tracked.upload.attach(upload.role(step.int_argument("file")))
            except PreconditionFailed:
                if upload.is_open(self.outcome.history) and not upload.attached:
                    raise
                return None
            finally:
                upload.attached = True
        if not self.clusters:
            return None
        cluster = self._cluster(step)
        if not cluster.is_direct(self.outcome.history):
            return None
        cluster.model.attached = True
        return cluster.cluster.reattach()

    def _hold(self, step: Step, socket: Socket | None) -> HeldOperation | None:
        """Send the operation of a step but for its last byte; None if there is nothing to act on."""
        match step.action:
            case "chunk" | "finalize" | "delete" | "progress":
                return self._hold_for_upload(step, socket) if self.uploads else None
            case "cycle" | "train" | "mode" | "delete_cluster":
                return self._hold_for_cluster(step, socket) if self.clusters else None
            case "list":
                return listing(self.uploads)
            case "suspend":
                return self.server.suspension(step.int_argument("milliseconds"))
            case "kill":
                return self.server.kill(self.outcome)
            case _:
                name = self.resources.name("overlap")
                started = StartedUpload(self.accounts[0], name, _contents(step), len(self.started))
                self.started.append(started)
                return start_upload(started, self.resources)

    def _hold_for_upload(self, step: Step, socket: Socket | None) -> HeldOperation | None:
        upload = self._upload(step)
        if step.action != "chunk":
            return upload_call(upload, step.action)
        if not isinstance(socket, UploadSocket):
            return None
        file, block, variant = (step.int_argument(name) for name in ("file", "block", "variant"))
        return send_block(upload, socket, upload.role(file), block, variant)

    def _hold_for_cluster(self, step: Step, socket: Socket | None) -> HeldOperation | None:
        cluster = self._cluster(step)
        if step.action == "mode":
            return cluster_call(cluster, "mode", step.int_argument("state") % 2)
        if step.action == "delete_cluster":
            return cluster_call(cluster, "delete_cluster")
        if not isinstance(socket, ClusterSocket):
            return None
        return cycle(cluster, socket, step.int_argument("values"), trains=step.action == "train")

    def _upload(self, step: Step) -> OverlapUpload:
        return self.uploads[step.int_argument("upload") % len(self.uploads)]

    def _cluster(self, step: Step) -> OverlapCluster:
        return self.clusters[step.int_argument("cluster") % len(self.clusters)]

    def _create_upload(self, step: Step) -> None:
        """Start an upload, and send the first blocks of each of its files."""
        if len(self.uploads) >= MOST_UPLOADS:
            return
        contents = _contents(step)
        sizes = {role: len(content) for role, content in contents.items()}
        account = self.accounts[step.int_argument("user") % len(self.accounts)]
        if "label" in sizes:
            started = self.resources.mnist(sizes["input"], sizes["label"], account)
        else:
            started = self.resources.csv(sizes["input"], account)
        upload = OverlapUpload(TrackedUpload(started, contents), f"upload {len(self.uploads)}")
        upload.receive(step.int_argument("received"), self.outcome.history)
        self.uploads.append(upload)

    def _create_cluster(self, step: Step) -> None:
        """Create a trained cluster in direct mode, whose answers are known."""
        if len(self.clusters) >= MOST_CLUSTERS:
            return
        shape = ClusterShape(
            {"test_input": max(2, step.int_argument("inputs"))},
            {"test_output": max(2, step.int_argument("outputs"))},
            hidden=HIDDEN,
        )
        account = self.accounts[step.int_argument("user") % len(self.accounts)]
        created = self.resources.cluster(shape, account)
        created.enter_direct_mode()
        cluster = OverlapCluster(created, f"cluster {len(self.clusters)}")
        socket = created.attach()
        with precondition("training a cluster", keep_named=True):
            cluster.learn(socket)
        socket.close()
        self.clusters.append(cluster)

    creations: ClassVar[Mapping[str, Callable[[_Run, Step], None]]] = {
        "upload": _create_upload,
        "cluster": _create_cluster,
    }


ACTIONS = frozenset(
    (
        *_Run.creations,
        *SOCKET_ACTIONS,
        *SERVER_ACTIONS,
        "finalize",
        "delete",
        "progress",
        "list",
        "init",
        "mode",
        "delete_cluster",
    )
)


def _preparation(run: _Run, step: Step, socket: Socket | None) -> Callable[[], HeldOperation | None]:
    return lambda: run._hold(step, socket)  # noqa: SLF001 - a part of it


def _contents(step: Step) -> dict[str, bytes]:
    """Return the files of a step that starts an upload."""
    size = step.int_argument("size")
    if step.text_argument("kind") == "csv":
        return table_file(size)
    return mnist_files(size, max(1, step.int_argument("count")))
