"""The operations that overlap: each is sent but for its last byte, and its answer is read in the form of the models."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.held_request import HeldRequest
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket, describe
from hanami_conformance.models.cluster import Outputs, are_equal
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import (
    format_answer,
    train_once,
    train_until_distinguishable,
    training_targets,
)
from hanami_conformance.resources.upload import MIB, init_fields
from hanami_conformance.stateful.access_checks import is_listed
from hanami_conformance.stateful.cluster_messages import RANDOM_VECTORS, input_messages
from hanami_conformance.stateful.overlap.branches import Answer, HeldOperation
from hanami_conformance.stateful.overlap.cluster_model import ClusterModel
from hanami_conformance.stateful.overlap.history import (
    ABSENT,
    ACCEPTED,
    ALONE,
    COMPLETE,
    DIFFERENT,
    INCOMPLETE,
    KNOWN,
    LISTED,
    REJECTED,
    History,
    Operation,
)
from hanami_conformance.stateful.overlap.upload_model import UploadModel
from hanami_conformance.stateful.upload_state import TrackedUpload
from hanami_conformance.target.target import Account
from hanami_proto.codec import ProcessType

WORDS = {"finalize": "the PUT of", "delete": "the DELETE of", "progress": "the progress of"}


@dataclass
class OverlapUpload:
    """An upload of a sequence.

    Attributes:
        tracked: Upload on the target, and the bytes of its files.
        name: Name in the history.
        model: Its model.
        attached: Whether a socket was attached to one of its files.
    """

    tracked: TrackedUpload
    name: str
    model: UploadModel = field(init=False)
    attached: bool = False

    def __post_init__(self) -> None:
        sizes = {role: file.model.size for role, file in self.tracked.upload.files.items()}
        self.model = UploadModel(sizes, self.tracked.data)

    @property
    def finalize_seconds(self) -> float:
        """Seconds on top of the deadline that its PUT may take."""
        upload = self.tracked.upload
        return upload.account.target.dialect.finalize_seconds_per_mib * upload.size / MIB

    def role(self, file: int) -> str:
        """Return the role of a file by its number."""
        roles = list(self.tracked.upload.files)
        return roles[file % len(roles)]

    def is_open(self, history: History) -> bool:
        """Return whether nothing has ended the upload so far."""
        return not any(one.answer != REJECTED for one in history.of(self.name) if one.action in ("finalize", "delete"))

    def receive(self, count: int, history: History) -> None:
        """Send the first blocks of each file, as a precondition.

        Args:
            count: Number of blocks of each file; BLOCKS or more for whole files.
            history: History to which they are added.
        """
        for role in self.tracked.upload.files if count else ():
            socket = self.tracked.upload.attach(role)
            for block in self.model.blocks_of(role)[:count]:
                begin = time.monotonic()
                with precondition("uploading"):
                    socket.write(*self.model.data(block, 0))
                what = {"file": role, "block": block, "variant": 0}
                text = f"{_block_text(self, role, block, 0)}: {ACCEPTED}"
                history.add(Operation(ALONE, "chunk", self.name, ACCEPTED, begin, time.monotonic(), what, text))
            socket.close()


@dataclass
class OverlapCluster:
    """A cluster of a sequence, in direct mode at first.

    Attributes:
        cluster: Cluster on the target.
        name: Name in the history.
        model: Its model.
        known: Kind of input values to the output that is known.
    """

    cluster: Cluster
    name: str
    model: ClusterModel = field(init=False)
    known: dict[int, Outputs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = ClusterModel(self.cluster.account.target.dialect.modes)

    def learn(self, socket: ClusterSocket) -> None:
        """Train the cluster until its outputs differ, and note the output of each kind of input values."""
        train_once(socket)
        train_until_distinguishable(socket, self.cluster.shape, least_rounds=0)
        for kind in range(RANDOM_VECTORS):
            self.known[kind] = socket.request(input_messages(self.cluster.shape, kind))

    def is_direct(self, history: History) -> bool:
        """Return whether nothing has ended the direct mode so far."""
        ends = ("mode", "delete_cluster")
        return not any(one.answer != REJECTED for one in history.of(self.name) if one.action in ends)


@dataclass
class StartedUpload:
    """An upload that overlapping operations start.

    Attributes:
        account: Owner of the upload.
        dataset: Name of the dataset.
        contents: Role to the bytes of the file.
        number: Number among those that the sequence starts.
        answer: Answer to the request; None while there is none.
    """

    account: Account
    dataset: str
    contents: Mapping[str, bytes]
    number: int
    answer: RestResponse | None = None

    @property
    def kind(self) -> str:
        """Kind of the upload."""
        return "mnist" if "label" in self.contents else "csv"

    @property
    def sizes(self) -> dict[str, int]:
        """Role to the size of the file in bytes."""
        return {role: len(content) for role, content in self.contents.items()}


def verdict(response: RestResponse) -> str | None:
    """Return an answer in the form of the models; None for a 5xx, which says nothing of the effect."""
    if response.failed:
        return None
    if response.rejected:
        return REJECTED
    return ACCEPTED if response.status == HTTPStatus.OK else f"status {response.status}"


def progress_verdict(response: RestResponse) -> str | None:
    """Return the answer to a request for the progress in the form of the models; None for a 5xx."""
    value = verdict(response)
    if value != ACCEPTED:
        return value
    complete = (json_object(response.body) or {}).get("complete")
    if complete is True:
        return COMPLETE
    return INCOMPLETE if complete is False else "no boolean complete"


def upload_call(upload: OverlapUpload, action: str) -> HeldOperation:
    """Return a PUT, a DELETE or a request for the progress of an upload, sent but for its last byte."""
    target = upload.tracked.upload
    if action == "finalize":
        request = target.account.hold(
            f"{target.kind}.finalize", body=target.finalize_body(), extra=upload.finalize_seconds
        )
    else:
        request = target.account.hold(f"dataset.{action}", params={"uuid": target.uuid})

    def read(response: RestResponse) -> str | None:
        return progress_verdict(response) if action == "progress" else verdict(response)

    return _call(action, upload.name, f"{WORDS[action]} {upload.name}", request, read)


def listing(uploads: Sequence[OverlapUpload]) -> HeldOperation | None:
    """Return a request for the list of datasets, sent but for its last byte; None if there is no upload to look for."""
    if not uploads:
        return None
    request = uploads[0].tracked.upload.account.hold("dataset.list")

    def answer() -> Answer:
        response = request.answer()
        value = verdict(response)
        seen = {
            one.name: (LISTED if is_listed(one.tracked.upload, response) else ABSENT) if value == ACCEPTED else value
            for one in uploads
            if one.tracked.upload.account is uploads[0].tracked.upload.account
        }
        text = ", ".join(f"{name} {how}" for name, how in seen.items()) if value == ACCEPTED else str(response)
        return Answer(seen, text, response.failed)

    return HeldOperation("list", uploads[0].name, "the list of datasets", request.release, answer)


def send_block(upload: OverlapUpload, socket: UploadSocket, role: str, block: int, variant: int) -> HeldOperation:
    """Return the chunk of a block, sent but for its last byte."""
    blocks = upload.model.blocks_of(role)
    number = blocks[block % len(blocks)]

    def answer() -> Answer:
        acknowledgement = socket.receive_acknowledgement()
        value = ACCEPTED if acknowledgement.success else REJECTED
        return Answer({upload.name: value}, describe(acknowledgement))

    what = _block_text(upload, role, number, variant)
    arguments = {"file": role, "block": number, "variant": variant}
    release = _held(lambda: socket.hold(*upload.model.data(number, variant)))
    return HeldOperation("chunk", upload.name, what, release, answer, arguments)


def _held(hold: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    """Return the function that sends the last byte of a message, or raises why the others could not be sent."""
    try:
        return hold()
    except Violation as violation:
        failure = violation  # such as the end of the socket after the message before

    def fail() -> None:
        raise failure

    return fail


def _block_text(upload: OverlapUpload, role: str, block: int, variant: int) -> str:
    place = upload.model.blocks_of(role).index(block)
    return f"block {place} of the {role} file of {upload.name}, variant {variant}"


def cluster_call(cluster: OverlapCluster, action: str, state: int = 0) -> HeldOperation:
    """Return a switch of the mode or the DELETE of a cluster, sent but for its last byte.

    Args:
        cluster: The cluster.
        action: ``mode`` or ``delete_cluster``.
        state: 0 for task mode, 1 for direct mode.
    """
    target = cluster.cluster
    mode = target.account.target.dialect.modes[state]
    if action == "mode":
        request = target.account.hold("cluster.set_mode", body={"uuid": target.uuid, "new_state": mode})
        what = f"the switch of {cluster.name} to {mode}"
    else:
        request = target.account.hold("cluster.delete", params={"uuid": target.uuid})
        what = f"the DELETE of {cluster.name}"
    return _call(action, cluster.name, what, request, verdict, {"mode": mode})


def cycle(cluster: OverlapCluster, socket: ClusterSocket, kind: int, *, trains: bool) -> HeldOperation:
    """Return a REQUEST or TRAIN cycle of a cluster, sent but for its last byte.

    Args:
        cluster: The cluster.
        socket: Socket that is attached to it.
        kind: Kind of the input values.
        trains: Whether it is a TRAIN cycle.
    """
    kind %= RANDOM_VECTORS
    messages = input_messages(cluster.cluster.shape, kind)

    def trained() -> Answer:
        cluster.known.clear()  # it may have trained, even if its end is lost
        socket.receive_training_end()
        return Answer({cluster.name: KNOWN}, "the end of the cycle")

    def outputs() -> Answer:
        actual = socket.receive_outputs()
        expected = cluster.known.setdefault(kind, actual)
        value = KNOWN if are_equal(actual, expected) else DIFFERENT
        text = format_answer(actual)
        return Answer({cluster.name: value}, text if value == KNOWN else f"{text}, not {format_answer(expected)}")

    if trains:
        messages = [*messages, *training_targets(cluster.cluster.shape, kind)]
    process = ProcessType.TRAIN if trains else ProcessType.REQUEST
    action = "train" if trains else "cycle"
    what = f"a {process.name} cycle of {cluster.name} with values {kind}"
    release = _held(lambda: socket.hold(messages, process))
    return HeldOperation(action, cluster.name, what, release, trained if trains else outputs)


def start_upload(started: StartedUpload, resources: ResourceFactory) -> HeldOperation:
    """Return the request that starts an upload, sent but for its last byte.

    Args:
        started: The upload.
        resources: Factory that deletes the upload, whatever happens after the answer.
    """
    body = init_fields(started.dataset, started.sizes)
    request = started.account.hold(f"{started.kind}.init", body=body)

    def read(response: RestResponse) -> str | None:
        started.answer = response
        resources.register_unexpected(response, "csv.init")
        return verdict(response)

    name = f"new upload {started.number}"
    return _call("init", name, f"the POST of {name}", request, read)


def _call(
    action: str,
    resource: str,
    what: str,
    request: HeldRequest,
    read: Callable[[RestResponse], str | None],
    arguments: Mapping[str, object] | None = None,
) -> HeldOperation:
    def answer() -> Answer:
        response = request.answer()
        value = read(response)
        text = value if value in (COMPLETE, INCOMPLETE) else str(response.status)
        return Answer({resource: value}, text if value is not None else str(response), response.failed)

    return HeldOperation(action, resource, what, request.release, answer, arguments or {})
