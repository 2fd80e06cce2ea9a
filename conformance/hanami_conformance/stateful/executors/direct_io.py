"""Sequences of direct interaction: several clusters at once, split and mixed cycles, lost sockets, mistakes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Violation
from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, is_json
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.models.cluster import ClusterModel, Outputs, distance, same
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import ROUNDS, STEPS, shown, train_until_distinguishable, vector, wanted_of
from hanami_conformance.stateful.access_checks import (
    CLUSTERS_OF_OTHERS,
    attempt_as_other_user_on_cluster,
    use_deleted_cluster,
)
from hanami_conformance.stateful.cluster_messages import (
    KINDS_OF_VALUES,
    UNUSUAL_MESSAGES,
    inputs,
    split_into_messages,
    unusual_values,
)
from hanami_conformance.stateful.default_requirements import CLUSTER_ACTIONS
from hanami_conformance.target.target import Account
from hanami_proto.codec import ProcessType, SchemaError

MOST_CLUSTERS = 2
HIDDEN = 8
LEARNED = 0.5  # of the distance at the beginning, where a cluster need not be trained further
NOTHING_TO_LEARN = 1e-4  # distance of an answer that is right already
BEGIN = "cluster"
CYCLES = ("request", "open", "end", "train", "learn", "pipeline")
ACTIONS = frozenset((BEGIN, *CYCLES, "close", "drop", "mode", "delete", "mistake", "garbage", "odd", "foreign"))
MISTAKES = ("unknown brick", "count", "too many", "process type")


@dataclass
class TrackedCluster:
    """A cluster of a sequence.

    Attributes:
        cluster: on the target.
        model: of it.
        socket: attached to it, None where there is none.
        left: messages of an open cycle that are still to be sent, the last one with isLast.
        trains: whether the open cycle is a TRAIN cycle.
        state: ``used``, ``odd`` where its answers are left open, or ``deleted``.
    """

    cluster: Cluster
    model: ClusterModel = field(default_factory=ClusterModel)
    socket: ClusterSocket | None = None
    left: list[InputMessage] = field(default_factory=list)
    trains: bool = False
    state: str = "used"

    @property
    def shape(self) -> ClusterShape:
        """Its bricks."""
        return self.cluster.shape


@dataclass
class DirectIoExecutor:
    """Acts sequences of direct interaction out.

    Args:
        resources: makes the clusters, and deletes them.
        accounts: who may have clusters; a sequence names them by number.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    clusters: list[TrackedCluster] = field(default_factory=list)

    def tell(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; at the end every known answer is asked for again."""
        for step in steps:
            step.must_be_one_of(ACTIONS)
            if step.do == BEGIN:
                self._cluster(step)
            else:
                self._act(step)
        for told in self._used():
            self._end(told)
            for kind in range(KINDS_OF_VALUES):
                if told.model.known(processed(inputs(told.shape, kind))) is not None:
                    self._whole(told, kind)

    def _used(self) -> list[TrackedCluster]:
        return [told for told in self.clusters if told.state == "used"]

    def _act(self, step: Step) -> None:
        """Do a step with the cluster that it names; the others must not notice."""
        used, number = self._used(), step.number("cluster")
        if not used:
            return
        told = used[number % len(used)]
        with default_requirement(CLUSTER_ACTIONS[step.do], counts=False):
            getattr(self, f"_{step.do}")(told, step)
        for other in used:
            if other is not told:
                other.model.disturb_from_beside("DIO-10")

    def _cluster(self, step: Step) -> None:
        if len(self.clusters) >= MOST_CLUSTERS:
            return
        sizes_in, sizes_out = step.numbers("inputs"), step.numbers("outputs")
        shape = ClusterShape(
            {f"input_{index}": max(2, size) for index, size in enumerate(sizes_in)},
            # Of sizes that differ: an answer without a name is told by its size.
            {f"output_{index}": max(2, size) + 10 * index for index, size in enumerate(sizes_out)},
            hidden=step.number("hidden") if "hidden" in step.with_ else HIDDEN,
        )
        account = self.accounts[step.number("user") % len(self.accounts)]
        told = TrackedCluster(self.resources.cluster(shape, account))
        told.cluster.enter_direct_mode()
        self.clusters.append(told)
        with default_requirement("DIO-3"):  # a part of the sequence: what goes wrong here was told rightly, too
            train_until_distinguishable(self._socket(told), shape, at_least=0)

    def _socket(self, told: TrackedCluster) -> ClusterSocket:
        """Return the socket of a cluster, attached if need be; within the budget, so that of another one may go."""
        if told.socket is None:
            self._make_room()
            last_event = told.model.last_event
            with attribute_to("ATT-2" if last_event == "DIO-7" else last_event):
                told.socket = told.cluster.attach_again()
        return told.socket

    def _make_room(self) -> None:
        attached = [other for other in self.clusters if other.socket is not None]
        while len(attached) >= self.resources.target.connection_limit.limit:
            self._close(attached.pop(0))

    def _close(self, told: TrackedCluster, step: Step | None = None) -> None:  # noqa: ARG002 - a step as any other
        if told.socket is None:
            return
        surplus = [message for message in told.socket.close() if is_output(told.socket, message)]
        self._lost(told)
        require(
            not surplus,
            expected="one output of each brick to a request",
            actual=f"{len(surplus)} more",
            requirement="DIO-3",
        )

    def _drop(self, told: TrackedCluster, step: Step) -> None:  # noqa: ARG002
        if told.socket is not None:
            told.socket.websocket.reset()
            self._lost(told)

    def _lost(self, told: TrackedCluster) -> None:
        told.model.note_event("DIO-2" if told.left and told.trains else "DIO-11")
        told.socket = None
        told.left = []
        told.model.forget_values()

    def _request(self, told: TrackedCluster, step: Step) -> None:
        self._end(told)
        kind = step.number("values")
        known = self._whole(told, kind)
        messages = split_into_messages(inputs(told.shape, kind), step.numbers("cuts"), step.number("order"))
        if len(messages) > len(told.shape.inputs) or step.number("order") % 3:
            with default_requirement("DIO-4"):
                actual = self._socket(told).request(messages)
            expected = f"the answer as to the same values at once: {shown(known)}"
            require(same(actual, known), expected=expected, actual=shown(actual), requirement="DIO-4")

    def _whole(self, told: TrackedCluster, kind: int) -> Outputs:
        """Return the answer to values that are sent at once, which must be as before where it is known."""
        messages = inputs(told.shape, kind)
        blamed = told.model.suspect(processed(messages))
        socket = self._socket(told)
        with default_requirement("DIO-3" if blamed == "DIO-7" else blamed):
            actual = socket.request(messages)
        for part in messages:
            told.model.take(part.name, part.values)
        cycle = told.model.cycle()
        known = told.model.known(cycle)
        if known is None:
            told.model.learn(cycle, actual)
            return actual
        with attribute_to(blamed):
            require(
                same(actual, known),
                expected=f"the answer as before: {shown(known)}",
                actual=shown(actual),
                requirement="DIO-7",
            )
        told.model.confirm()
        return known

    def _open(self, told: TrackedCluster, step: Step) -> None:
        """Begin a cycle and leave it open."""
        self._end(told)
        kind = step.number("values")
        self._whole(told, kind)
        told.trains = step.number("trains") % 2 == 1
        parts = inputs(told.shape, kind) + (wanted_of(told.shape, kind) if told.trains else [])
        *first, last = split_into_messages(parts, step.numbers("cuts"), 0)
        told.left = [last]
        socket = self._socket(told)
        for part in first:
            self._post(socket, part, told, is_last=False)
            with default_requirement("DIO-2"):
                socket.receive_acknowledgement()

    def _post(self, socket: ClusterSocket, part: InputMessage, told: TrackedCluster, *, is_last: bool) -> None:
        process = ProcessType.TRAIN if told.trains else ProcessType.REQUEST
        socket.send(part.name, part.values, is_last=is_last, process_type=process, expected=part.expected)
        if not part.expected:
            told.model.take(part.name, part.values)

    def _end(self, told: TrackedCluster, step: Step | None = None) -> None:  # noqa: ARG002
        """End the cycle that is open."""
        if not told.left:
            return
        (last,) = told.left
        told.left = []
        socket = self._socket(told)
        with default_requirement("DIO-5" if told.trains else "DIO-2", counts=False):
            self._post(socket, last, told, is_last=True)
        cycle = told.model.cycle()
        if told.trains:
            with default_requirement("DIO-5"):
                socket.receive_training_end()
            told.model.trained()
            return
        with default_requirement("DIO-2"):
            actual = socket.receive_outputs()
        known = told.model.known(cycle)
        assert known is not None  # it was asked for before the cycle began
        expected = f"the answer to the values of all messages since the last cycle: {shown(known)}"
        require(same(actual, known), expected=expected, actual=shown(actual), requirement="DIO-2")

    def _train(self, told: TrackedCluster, step: Step) -> None:
        self._end(told)
        parts = inputs(told.shape, step.number("values")) + wanted_of(told.shape, step.number("wanted"))
        socket = self._socket(told)
        for _ in range(1 + step.number("times") % 4):
            with default_requirement("DIO-5"):
                socket.train(split_into_messages(parts, step.numbers("cuts"), 0))
        told.model.trained()

    def _learn(self, told: TrackedCluster, step: Step) -> None:
        """Train one pair until the answer has moved, or it is certain that it does not."""
        self._end(told)
        question, wanted = inputs(told.shape, step.number("values") % 4), wanted_of(told.shape, step.number("wanted"))
        socket = self._socket(told)
        with default_requirement("DIO-3", counts=False):
            end = start = _distance(socket.request(question), wanted)
        for _ in range(ROUNDS):
            with default_requirement("DIO-5"):
                for _ in range(STEPS):
                    socket.train([*question, *wanted])
            with default_requirement("DIO-3", counts=False):
                end = _distance(socket.request(question), wanted)
            if end < LEARNED * start:
                break
        told.model.trained()
        wanted_words = f"an answer nearer than {start:.5f} to the expected values after training"
        require(
            end < start or start < NOTHING_TO_LEARN, expected=wanted_words, actual=f"{end:.5f}", requirement="DIO-8"
        )

    def _pipeline(self, told: TrackedCluster, step: Step) -> None:
        """Send several cycles before the first answer is read."""
        self._end(told)
        cycles = [(kind, cut) for kind, cut in step.tuples("cycles", 2)]
        known = [self._whole(told, kind) for kind, _ in cycles]
        socket = self._socket(told)
        told.trains = False
        for kind, cut in cycles:
            messages = split_into_messages(inputs(told.shape, kind), [cut], 0)
            for index, part in enumerate(messages):
                socket.send(part.name, part.values, is_last=index == len(messages) - 1)
        for number, wanted in enumerate(known, start=1):
            expected = f"the answer to request {number} of {len(known)}: {shown(wanted)}"
            with attribute_to("DIO-9" if len(known) > 1 else "DIO-4"):
                actual = socket.receive_outputs()
                require(same(actual, wanted), expected=expected, actual=shown(actual))

    def _mode(self, told: TrackedCluster, step: Step) -> None:  # noqa: ARG002
        self._close(told)
        task, direct = self.resources.target.dialect.modes
        with attribute_to("MODE-1"):
            told.cluster.switch_after_loss(task)
            told.cluster.set_mode(direct).object()
        told.model.note_event("MODE-1")

    def _mistake(self, told: TrackedCluster, step: Step) -> None:
        how, number = step.text("how"), step.number("number")
        if how not in MISTAKES:
            raise SequenceError(f"step 'mistake': how must be one of {', '.join(MISTAKES)}")
        process = step.number("process") % 2
        name, size = next(iter(told.shape.inputs.items()))
        values, count = vector(size, 1), None
        if how == "unknown brick":
            name = ("no_such_brick", name[:-1], name + "0", name.upper())[number % 4]
        elif how == "count":
            count = number if number != size else size + 1
        elif how == "too many":
            values = vector(size + 1 + number, 1)
        else:
            process = 2 + number
        socket = self._socket(told)
        what = f"a mistake: {how}, {name!r} with {len(values)} values"
        with default_requirement("DIO-12"):
            socket.send(name, values, is_last=True, process_type=process, number_of_values=count)
        self._signalled(told, socket, what)

    def _signalled(self, told: TrackedCluster, socket: ClusterSocket, what: str) -> None:
        with default_requirement("DIO-12"):
            socket.expect_error_signal(what)
        socket.close()
        self._lost(told)
        told.model.note_event("DIO-12")

    def _garbage(self, told: TrackedCluster, step: Step) -> None:
        payload = step.data("bytes")
        with contextlib.suppress(SchemaError):
            self.resources.target.dialect.codec.decode_io(payload)
            return  # it is a message after all
        socket = self._socket(told)
        socket.send_bytes(payload, "undecodable bytes")
        self._signalled(told, socket, "undecodable bytes")

    def _odd(self, told: TrackedCluster, step: Step) -> None:
        """Send what the protocol leaves open: the cluster is not asked any more, the server must go on."""
        self._end(told)
        name, size = next(iter(told.shape.inputs.items()))
        how = step.text("how")
        if how not in UNUSUAL_MESSAGES:
            raise SequenceError(f"step 'odd': how must be one of {', '.join(UNUSUAL_MESSAGES)}")
        socket = self._socket(told)
        socket.websocket.awaiting = "answer to an unusual message"
        with contextlib.suppress(ResponseTimeout, ConnectionClosed):
            socket.send("" if how == "no name" else name, unusual_values(how, size), is_last=True)
            socket.websocket.receive_or_close("an answer to an unusual message")
        socket.close()
        self._lost(told)
        told.state = "odd"

    def _foreign(self, told: TrackedCluster, step: Step) -> None:
        """Another user tries what only the owner may do."""
        others = [account for account in self.accounts if account is not told.cluster.account]
        if not others:
            return
        what = CLUSTERS_OF_OTHERS[step.number("what") % len(CLUSTERS_OF_OTHERS)]
        if what == "attach":
            self._make_room()
        attempt_as_other_user_on_cluster(told.cluster, others[0], what)
        told.model.note_event("GEN-3")

    def _delete(self, told: TrackedCluster, step: Step) -> None:  # noqa: ARG002
        answer = told.cluster.delete()
        require(answer.status == 200, expected="200 to the DELETE", actual=answer, requirement="DIO-14")
        told.state = "deleted"
        socket, told.socket = told.socket, None
        if socket is not None:
            _expect_no_output(socket)
        self._make_room()
        use_deleted_cluster(told.cluster)


def processed(parts: Sequence[InputMessage]) -> bytes:
    """Return what a cycle with these messages processes; see :meth:`ClusterModel.cycle`."""
    model = ClusterModel()
    for part in parts:
        model.take(part.name, part.values)
    return model.cycle()


def is_output(socket: ClusterSocket, message: Message) -> bool:
    """Whether a message is the output of a brick."""
    if message.text or is_json(message.data):
        return False
    try:
        return socket.is_output(socket.decode(message))
    except Violation:
        return False


def _expect_no_output(socket: ClusterSocket) -> None:
    """Check that a request to a cluster that was deleted meanwhile gets no output (requirement DIO-14)."""
    socket.websocket.awaiting = "end of the access to a deleted cluster"
    name, size = next(iter(socket.shape.inputs.items()))
    with contextlib.suppress(ResponseTimeout, ConnectionClosed):
        socket.send(name, vector(size, 1), is_last=True)
        actual = socket.websocket.receive_or_close("the end of the access")
        output = isinstance(actual, Message) and is_output(socket, actual)
        require(not output, expected="no output of a deleted cluster", actual=actual, requirement="DIO-14")
    socket.close()


def _distance(answer: Outputs, wanted: Sequence[InputMessage]) -> float:
    return sum(distance(answer[part.name], part.values) for part in wanted)
