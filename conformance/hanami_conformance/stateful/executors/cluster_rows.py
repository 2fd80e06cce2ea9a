"""Workflow of rows of the input model of direct interaction: a cycle in another form is answered as the plain one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import PreconditionFailed, Unsupported
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, Values
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.protobuf_variants import FLOAT_FORMS
from hanami_conformance.clients.websocket_forms import MessageForm
from hanami_conformance.models.cluster import UNCHANGED, are_equal
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import format_answer, sample_inputs, train_once, training_targets
from hanami_conformance.stateful.executors.row import PAUSE, ChosenRow
from hanami_proto.codec import ProcessType, TargetBuffer

OUTPUT, HIDDEN = 5, 10  # values of the first output brick, and of the internal one
SMALL = ClusterShape({"test_input": 4}, {"test_output": 2}, hidden=2)  # another cluster
NUMBERS: Mapping[str, float] = {
    "0.5": 0.5,
    "zero": 0.0,
    "minus one": -1.0,
    "2^24 + 2": 16777218.0,
    "least normal float32": float(np.finfo(np.float32).tiny),
    "least float32": float(np.finfo(np.float32).smallest_subnormal),
}
ENCODINGS: Mapping[str, str] = {
    "reverse order": "its fields in the reverse order",
    "padded numbers": "padded numbers",
    "explicit zeros": "explicit zeros",
    "duplicate numbers": "duplicate numbers, the last one correct",
    "unknown fields": "fields of a newer schema",
    "floats not packed": "floats that are not packed",
    "floats in two blocks": "floats in two blocks",
}


class ClusterWorkflow:
    """Direct interaction with one cluster, with the values of a row.

    Args:
        row: The row.
        resources: Factory of the clusters.
    """

    def __init__(self, row: ChosenRow, resources: ResourceFactory) -> None:
        self._row = row
        self._resources = resources
        self._account = row.formed_account()

    def run(self) -> None:
        """Execute the workflow.

        Raises:
            Violation: If the answer to the cycle differs from that to the plain one.
        """
        with default_requirement("MODE-1", counts=False):
            self._run()

    def _run(self) -> None:
        task, direct = self._resources.target.dialect.modes
        cluster = self._create()
        self._switch(cluster, direct)
        socket = cluster.attach(self._row.attach_form())
        with default_requirement("DIO-1", counts=False):
            train_once(socket)
            if self._row["training"] == "in the same form":
                self._send_cycle(socket, self._training(socket.shape), ProcessType.TRAIN)
                socket.receive_training_end()
            question = self._question(socket.shape)
            expected = socket.request(question)
            socket = self._replace_socket(cluster, socket, question)
            for _ in range(self._row.number("cycles before")):
                socket.request(question)
            self._do_beside()
            self._compare(socket, question, expected)
        socket.close()
        answer = cluster.account.call("cluster.set_mode", body={"uuid": cluster.uuid, "new_state": task})
        # The server may not have detected yet that the socket is closed.
        if answer.status != 200:
            cluster.switch_when_released(task)
        self._account.close()

    def _create(self) -> Cluster:
        """Create the cluster.

        Raises:
            PreconditionFailed: If the target does not create it.
            Unsupported: If the target creates no cluster of its shape in the plain form either.
        """
        shape = self._shape()
        try:
            cluster = self._resources.cluster(shape, self._account, self._row.name(self._resources, "cluster"))
        except PreconditionFailed as error:
            if (self._row["bricks"], self._row["size"]) != ("one", "12"):
                self._expect_creatable(shape, error)
            raise
        self._resources.register_for_deletion("cluster", cluster.uuid, self._row.owner)  # in the plain form
        return cluster

    def _expect_creatable(self, shape: ClusterShape, error: PreconditionFailed) -> None:
        try:
            self._resources.cluster(shape, self._row.owner)
        except PreconditionFailed as failed:
            raise Unsupported(f"the target creates no cluster of {self._row['bricks']}: {failed}") from error

    def _shape(self) -> ClusterShape:
        bricks, size = self._row["bricks"], self._row.number("size")
        count = self._row.number("bricks") if bricks != "one" else 1
        inputs, outputs = (count, 1) if bricks.endswith("inputs") else (1, count)
        names = [f"output_{number}" for number in range(outputs)]
        sizes = dict(zip(names, range(OUTPUT, OUTPUT + outputs), strict=True))
        listed = names[::-1] if self._row["outputs"] == "in reverse" else names
        return ClusterShape(
            {f"input_{number}": size for number in range(inputs)}, {name: sizes[name] for name in listed}, HIDDEN
        )

    def _switch(self, cluster: Cluster, mode: str) -> None:
        answer = cluster.set_mode(mode)
        require(answer.status == 200, expected=f"200 to the switch to {mode}", actual=answer, requirement="MODE-1")

    def _question(self, shape: ClusterShape) -> list[InputMessage]:
        """Return the messages of the cycle in the plain order, with the special value."""
        messages = sample_inputs(shape, seed=3)
        values = messages[0 if self._row["brick of the value"] == "first" else -1].values
        place = {"middle": len(values) // 2, "first": 0, "last": -1}[self._row["place"]]
        values[place] = NUMBERS[self._row["number"]]
        return messages

    @staticmethod
    def _training(shape: ClusterShape) -> list[InputMessage]:
        return [*sample_inputs(shape, seed=2), *training_targets(shape, seed=2)]

    def _replace_socket(
        self, cluster: Cluster, socket: ClusterSocket, question: Sequence[InputMessage]
    ) -> ClusterSocket:
        match self._row["sockets"]:
            case "none":
                return socket
            case "reset":
                socket.websocket.reset()
            case "reset within a cycle":
                first = question[0]
                socket.send(first.name, np.ones_like(first.values), is_last=False)
                socket.receive_acknowledgement()
                socket.websocket.reset()
            case "closed":
                socket.close()
            case _:
                socket.close()
                for mode in self._resources.target.dialect.modes:
                    cluster.switch_when_released(mode)
        return cluster.reattach()

    def _do_beside(self) -> None:
        match self._row["beside"]:
            case "another cluster in task mode":
                self._resources.cluster(SMALL, self._row.owner)
            case "a cycle of another cluster":
                other = self._resources.cluster(SMALL, self._row.owner)
                other.enter_direct_mode()
                socket = other.attach()
                train_once(socket)
                socket.close()
            case "an upload of another user":
                self._resources.csv(100, self._row.other_user)

    def _compare(self, socket: ClusterSocket, question: Sequence[InputMessage], expected: Mapping[str, Values]) -> None:
        cycles = 2 if self._row["in flight"] == "two cycles" else 1
        for _ in range(cycles):
            self._send_cycle(socket, question, ProcessType.REQUEST)
        for number in range(cycles):
            if cycles > 1:
                self._receive_acknowledgements(socket, len(question) - 1)
            actual = socket.receive_outputs()
            require(
                are_equal(actual, expected),
                expected=f"the answer to the same values in the plain form: {format_answer(expected)}",
                actual=f"{'a second answer: ' if number else ''}{format_answer(actual)}",
                requirement=UNCHANGED,
            )

    def _send_cycle(self, socket: ClusterSocket, messages: Sequence[InputMessage], process_type: ProcessType) -> None:
        """Send the messages of a cycle in the form of the row, and read the acknowledgements of all but the last."""
        row = self._row
        ordered = self._in_order(messages)
        special = {0, len(ordered) // 2, len(ordered) - 1}
        form = MessageForm(row["frames"], row["message segments"])
        for index, message in enumerate(ordered):
            is_last = index == len(ordered) - 1
            if is_last and row["pause"] == "1 s":
                time.sleep(PAUSE)
            payload = self._encode(message, is_last=is_last, process_type=process_type)
            socket.send_formed(payload, form if index in special else MessageForm())
            if not is_last and row["in flight"] == "one":
                socket.receive_acknowledgement()
        if row["in flight"] == "the cycle" or (row["in flight"] != "one" and process_type is ProcessType.TRAIN):
            self._receive_acknowledgements(socket, len(ordered) - 1)

    @staticmethod
    def _receive_acknowledgements(socket: ClusterSocket, count: int) -> None:
        for _ in range(count):
            socket.receive_acknowledgement()

    def _in_order(self, messages: Sequence[InputMessage]) -> list[InputMessage]:
        match self._row["bricks in order"]:
            case "descending":
                return list(reversed(messages))
            case "shuffled":
                return [messages[place] for place in np.random.default_rng(5).permutation(len(messages))]
        return list(messages)

    def _encode(self, message: InputMessage, *, is_last: bool, process_type: ProcessType) -> bytes:
        payload = self._resources.target.dialect.codec.encode_io(
            message.name,
            message.values,
            is_last=is_last,
            process_type=process_type,
            target_buffer=TargetBuffer.EXPECTED if message.expected else TargetBuffer.INPUT,
        )
        encoding = self._row["encoding"]
        return FLOAT_FORMS[ENCODINGS[encoding]](payload) if encoding in ENCODINGS else payload
