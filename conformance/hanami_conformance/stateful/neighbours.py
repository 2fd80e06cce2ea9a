"""Neighbours: other clients that keep the target busy while a sequence is executed."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import thread_not_recorded
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.text import MAX_LINE, printable_line
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs, train_once
from hanami_conformance.stateful.upload_state import table_file
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, attach
from hanami_conformance.target.target import Target
from hanami_reports.common.text import pluralise

MOST_NEIGHBOURS = 8
ROWS = 2000  # of an uploaded table, so that its chunks take longer than the calls around them
CHUNK = 4096  # bytes
REQUESTS = 20  # to one cluster
SHAPE = ClusterShape({"input": 20}, {"output": 5}, hidden=10)
WAITS = 4  # that a neighbour may still have before it at the end: one of a step, and those of its clean-up
SPARE_SECONDS = 5.0


class _Stopped(Exception):  # noqa: N818 - no error
    """The neighbour was asked to stop."""


class Neighbour:
    """One client with an account's resources of its own, which repeats an upload or requests until it is stopped.

    What it meets is not judged: requirements are judged by the sequence. It uses no preconditions, since what works for
    one client says nothing of another.

    Args:
        target: Target, with one connection for this neighbour alone.
        uploads: Whether it uploads; otherwise it sends requests to a cluster.

    Attributes:
        rounds: Number of finished uploads, or of answered requests.
        failure: What failed first, empty if nothing did.
        left: Resources that could not be deleted.
    """

    def __init__(self, target: Target, *, uploads: bool) -> None:
        self.rounds = 0
        self.failure = ""
        self.left: list[str] = []
        self.ready = threading.Event()
        self._target = target
        self._stop = threading.Event()
        self._act: Callable[[ResourceFactory], None] = self._upload if uploads else self._ask
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after the step that it is at."""
        self._stop.set()

    def join(self, deadline: Deadline) -> None:
        """Wait until it has ended and deleted its resources.

        Raises:
            RuntimeError: If it does not end, although all of its waits do.
        """
        self._thread.join(deadline.remaining())
        if self._thread.is_alive():
            raise RuntimeError("a neighbour of the sequence does not end, although all of its waits do")

    def _run(self) -> None:
        with thread_not_recorded():
            try:
                while not self._stop.is_set():
                    self._one_round()
            finally:
                self.ready.set()

    def _one_round(self) -> None:
        resources = ResourceFactory(self._target, secrets.token_hex(4))
        try:
            self._target.renew_tokens()
            self._act(resources)
        except _Stopped:
            pass
        except (Violation, TargetDown, Unsupported, MachineShortage) as error:
            self.failure = self.failure or printable_line(str(error), MAX_LINE)
            self._stop.wait(0.1)  # a target that refuses at once is not flooded
        finally:
            self._target.close_connections()
            resources.clean()
            self.left += map(str, resources.leftovers)
            if self.rounds or self.failure:
                self.ready.set()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _upload(self, resources: ResourceFactory) -> None:
        account = self._target.account
        content = table_file(ROWS, ROWS)["input"]
        name, sizes = resources.name("csv"), {"input": len(content)}
        answer = account.call("csv.init", body={"name": name, "input_data_size": len(content)})
        upload = resources.from_init_response(answer, "csv", name, sizes)
        file = upload.files["input"]
        socket = UploadSocket(attach(account, file.uuid, FILE_UPLOAD), self._target.dialect.codec, file.model)
        for position in range(0, len(content), CHUNK):
            self._go_on()
            socket.write(position, content[position : position + CHUNK])
            self.ready.set()  # from now on it is at work
        socket.close()
        self._go_on()
        upload.wait_complete()
        self._go_on()
        upload.finalize().object()
        self.rounds += 1

    def _ask(self, resources: ResourceFactory) -> None:
        account = self._target.account
        name, answer = resources.request_cluster(SHAPE, account, "", Deadline.after(0.0))
        uuid = str(answer.object().get("uuid"))
        resources.register_for_deletion("cluster", uuid)
        cluster = Cluster(account, name, uuid, SHAPE)
        answer = cluster.set_mode(self._target.dialect.modes[1])
        require(answer.status == 200, expected="200 to the switch to direct mode", actual=answer)
        websocket = attach(account, uuid, CLUSTER)
        socket = ClusterSocket(websocket, self._target.dialect.codec, SHAPE, self._target.optional_replies)
        train_once(socket)
        for seed in range(REQUESTS):
            self._go_on()
            socket.request(sample_inputs(SHAPE, seed))
            self.rounds += 1
            self.ready.set()


@contextlib.contextmanager
def neighbours(target: Target, count: int) -> Iterator[list[Neighbour]]:
    """Keep a target busy during the block: with uploads, and every second neighbour with requests to a cluster.

    Each neighbour has one connection of those that the target may have at the same time; the block has the others.

    Args:
        target: The target.
        count: Number of neighbours.

    Raises:
        ValueError: If the target may not have that many connections.
    """
    limit = target.connection_limit
    if count >= limit.limit:
        raise ValueError(
            f"--beside {count} needs {pluralise(count + 1, 'connection')} at the same time or more, and the limit is"
            f" {limit.limit}: lower it, or give --max-connections {count + 2}"
        )
    if target.given_cluster is not None and count > 1:
        raise ValueError("--beside takes at most 1 together with --cluster: the second neighbour needs a cluster")
    made = [Neighbour(target.beside(1), uploads=number % 2 == 0) for number in range(count)]
    target.connection_limit = ConnectionLimit(limit.limit - count)
    seconds = target.timeouts.setting * WAITS + SPARE_SECONDS
    try:
        for neighbour in made:
            neighbour.start()
        until = time.monotonic() + seconds
        for neighbour in made:
            neighbour.ready.wait(max(0.0, until - time.monotonic()))
        yield made
    finally:
        for neighbour in made:
            neighbour.stop()
        deadline = Deadline.after(seconds)
        for neighbour in made:
            neighbour.join(deadline)
        target.connection_limit = limit
