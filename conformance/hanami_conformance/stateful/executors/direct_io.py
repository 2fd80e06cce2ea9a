"""Executor of direct interaction: several clusters, unfinished and interleaved cycles, lost sockets, mistakes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import UNCHANGED, Outputs, are_equal, distance
from hanami_conformance.resources.training import (
    ROUNDS,
    STEPS,
    format_answer,
    training_targets,
    vector,
)
from hanami_conformance.stateful.access_checks import (
    OTHER_USER_CLUSTER_ACTIONS,
    attempt_as_other_user_on_cluster,
    expect_no_output,
    use_deleted_cluster,
)
from hanami_conformance.stateful.cluster_messages import (
    KINDS_OF_VALUES,
    UNUSUAL_MESSAGES,
    input_messages,
    unusual_values,
)
from hanami_conformance.stateful.cluster_state import TrackedCluster, processed
from hanami_conformance.stateful.executors.sequence_clusters import SequenceClusters
from hanami_conformance.stateful.novelty import noted
from hanami_conformance.stateful.server_steps import HOW, expect_clean
from hanami_proto.codec import ProcessType, SchemaError

LEARNED = 0.5  # part of the initial distance at which training stops
NOTHING_TO_LEARN = 1e-4  # initial distance of an answer that is correct without training
MISTAKES = ("unknown brick", "count", "too many", "process type")


class DirectIoExecutor(SequenceClusters):
    """Executes sequences of direct interaction; see :class:`.sequence_clusters.SequenceClusters`."""

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; every known answer is requested again at the end."""
        for step in noted(steps, self._state):
            step.require_action({"cluster", *HOW, *self.actions})
            if step.action == "cluster":
                self._create_cluster(step)
            elif step.action in HOW:
                with default_requirement("GEN-2", counts=False):
                    self._restart_server(step)
            else:
                self._execute_step(step)
        for tracked in self._used():
            self._finish_cycle(tracked)
            for kind in range(KINDS_OF_VALUES):
                if tracked.model.known_output(processed(input_messages(tracked.shape, kind))) is not None:
                    self._request_at_once(tracked, kind)

    def _state(self) -> str:
        return ", ".join(sorted({one.summary for one in self.clusters}))

    def _execute_step(self, step: Step) -> None:
        """Execute a step on the cluster that it names; the others must not be affected."""
        used, number = self._used(), step.int_argument("cluster")
        if not used:
            return
        tracked = used[number % len(used)]
        action, requirement = self.actions[step.action]
        with default_requirement(requirement, counts=False):
            action(self, tracked, step)
        for other in used:
            if other is not tracked:
                other.model.note_event_elsewhere("DIO-10")

    def _restart_server(self, step: Step) -> None:
        """Kill or restart the server; clusters that need not be kept are left out, and get clean answers."""
        if not self.server.restart(step.action):
            return
        target = self.resources.target
        for tracked in self._used():
            tracked.socket = None
            if target.durable == "all":
                self._note_lost_socket(tracked)
            else:
                tracked.state = "left open"
                expect_clean("a switch of the mode", tracked.cluster.set_mode(target.dialect.modes[1]))

    def _request_from_suspended_server(self, tracked: TrackedCluster, step: Step) -> None:
        """Send a request while the server is suspended; the answer must be the known one when it goes on."""
        self._finish_cycle(tracked)
        kind = step.int_argument("values")
        known, socket = self._request_at_once(tracked, kind), self._socket(tracked)
        *others, last = input_messages(tracked.shape, kind)
        with self.server.suspended(step.int_argument("milliseconds")):
            for part in others:
                socket.send(part.name, part.values, is_last=False)
            socket.send(last.name, last.values, is_last=True)
        for _ in others:
            socket.receive_acknowledgement()
        _expect_equal(socket.receive_outputs(), known, "the answer as before the server was suspended", "DIO-3")

    def _request(self, tracked: TrackedCluster, step: Step) -> None:
        self._finish_cycle(tracked)
        kind = step.int_argument("values")
        known = self._request_at_once(tracked, kind)
        if step.int_argument("order") % 2:
            self._request_in_reverse(tracked, input_messages(tracked.shape, kind)[::-1], known)

    def _request_in_reverse(self, tracked: TrackedCluster, messages: list[InputMessage], known: Outputs) -> None:
        socket = self._socket(tracked)
        with default_requirement("DIO-4"):
            actual = socket.request(messages)
        if not are_equal(actual, known):
            # An answer that is different each time says nothing of the order.
            with default_requirement("DIO-4"):
                again = socket.request(messages)
            _expect_equal(actual, again, "the answer as to the same messages once more", UNCHANGED)
        _expect_equal(actual, known, "the answer as to the same values in the other order", "DIO-4")

    def _request_at_once(self, tracked: TrackedCluster, kind: int) -> Outputs:
        """Request the answer to values in one message a brick; it must be equal to a known answer."""
        messages = input_messages(tracked.shape, kind)
        suspect = tracked.model.requirement_for_mismatch(processed(messages))
        socket = self._socket(tracked)
        with default_requirement("DIO-3" if suspect == UNCHANGED else suspect):
            actual = socket.request(messages)
        for part in messages:
            tracked.model.buffer_values(part.name, part.values)
        cycle = tracked.model.finish_cycle()
        known = tracked.model.known_output(cycle)
        if known is None:
            tracked.model.remember(cycle, actual)
            return actual
        with attribute_to(suspect):
            _expect_equal(actual, known, "the answer as before", UNCHANGED)
        tracked.model.confirm()
        return known

    def _open_cycle(self, tracked: TrackedCluster, step: Step) -> None:
        """Send all messages of a cycle but the last."""
        self._finish_cycle(tracked)
        kind = step.int_argument("values")
        self._request_at_once(tracked, kind)
        tracked.trains = step.int_argument("trains") % 2 == 1
        parts = input_messages(tracked.shape, kind)
        if tracked.trains:
            parts += training_targets(tracked.shape, kind)
        *messages, last = parts
        tracked.pending_messages = [last]
        socket = self._socket(tracked)
        for part in messages:
            self._send(socket, part, tracked, is_last=False)
            with default_requirement("DIO-2"):
                socket.receive_acknowledgement()

    def _send(self, socket: ClusterSocket, part: InputMessage, tracked: TrackedCluster, *, is_last: bool) -> None:
        process = ProcessType.TRAIN if tracked.trains else ProcessType.REQUEST
        socket.send(part.name, part.values, is_last=is_last, process_type=process, expected=part.expected)
        if not part.expected:
            tracked.model.buffer_values(part.name, part.values)

    def _finish_cycle(self, tracked: TrackedCluster, step: Step | None = None) -> None:  # noqa: ARG002
        """Send the last message of the unfinished cycle, if there is one."""
        if not tracked.pending_messages:
            return
        (last,) = tracked.pending_messages
        tracked.pending_messages = []
        socket = self._socket(tracked)
        with default_requirement("DIO-5" if tracked.trains else "DIO-2", counts=False):
            self._send(socket, last, tracked, is_last=True)
        cycle = tracked.model.finish_cycle()
        if tracked.trains:
            with default_requirement("DIO-5"):
                socket.receive_training_end()
            tracked.model.note_training()
            return
        with default_requirement("DIO-2"):
            actual = socket.receive_outputs()
        known = tracked.model.known_output(cycle)
        assert known is not None  # it was requested before the cycle was opened
        _expect_equal(actual, known, "the answer to the values of all messages since the last cycle", "DIO-2")

    def _train(self, tracked: TrackedCluster, step: Step) -> None:
        self._finish_cycle(tracked)
        targets = training_targets(tracked.shape, step.int_argument("targets"))
        parts = input_messages(tracked.shape, step.int_argument("values")) + targets
        socket = self._socket(tracked)
        for _ in range(1 + step.int_argument("times") % 4):
            with default_requirement("DIO-5"):
                socket.train(parts)
        tracked.model.note_training()

    def _train_until_learned(self, tracked: TrackedCluster, step: Step) -> None:
        """Train one pair until its answer has moved toward the targets, or it certainly does not."""
        self._finish_cycle(tracked)
        inputs = input_messages(tracked.shape, step.int_argument("values") % 4)
        targets = training_targets(tracked.shape, step.int_argument("targets"))
        socket = self._socket(tracked)
        with default_requirement("DIO-3", counts=False):
            end = start = _distance(socket.request(inputs), targets)
        for _ in range(ROUNDS):
            with default_requirement("DIO-5"):
                for _ in range(STEPS):
                    socket.train([*inputs, *targets])
            with default_requirement("DIO-3", counts=False):
                end = _distance(socket.request(inputs), targets)
            if end < LEARNED * start:
                break
        tracked.model.note_training()
        learned = end < start or start < NOTHING_TO_LEARN
        expected = f"an answer nearer than {start:.5f} to the expected values after training"
        require(learned, expected=expected, actual=f"{end:.5f}", requirement="DIO-8")

    def _pipeline(self, tracked: TrackedCluster, step: Step) -> None:
        """Send several cycles before the first answer is read."""
        self._finish_cycle(tracked)
        cycles = step.int_list_argument("cycles")
        known = [self._request_at_once(tracked, kind) for kind in cycles]
        socket = self._socket(tracked)
        tracked.trains = False
        for kind in cycles:
            messages = input_messages(tracked.shape, kind)
            for index, part in enumerate(messages):
                socket.send(part.name, part.values, is_last=index == len(messages) - 1)
        for number, answer in enumerate(known, start=1):
            with attribute_to("DIO-9"):
                _expect_equal(socket.receive_outputs(), answer, f"the answer to request {number} of {len(known)}")

    def _switch_mode(self, tracked: TrackedCluster, step: Step) -> None:  # noqa: ARG002
        self._close(tracked)
        task, direct = self.resources.target.dialect.modes
        with attribute_to("MODE-1"):
            tracked.cluster.switch_when_released(task)
            tracked.cluster.set_mode(direct).object()
        tracked.model.note_event("MODE-1")

    def _send_mistake(self, tracked: TrackedCluster, step: Step) -> None:
        how, number = step.choice_argument("how", MISTAKES), step.int_argument("number")
        process = step.int_argument("process") % 2
        if how == "too many" and not self.resources.target.dialect.has_sizes:
            how = "unknown brick"  # the size of a brick comes from the messages
        name, size = next(iter(tracked.shape.inputs.items()))
        values, count = vector(size, 1), None
        if how == "unknown brick":
            name = ("no_such_brick", name[:-1], name + "0", name.upper())[number % 4]
        elif how == "count":
            count = number if number != size else size + 1
        elif how == "too many":
            values = vector(size + 1 + number, 1)
        else:
            process = 2 + number
        socket = self._socket(tracked)
        what = f"a mistake: {how}, {name!r} with {len(values)} values"
        with default_requirement("DIO-12"):
            socket.send(name, values, is_last=True, process_type=process, number_of_values=count)
        self._expect_error_signal(tracked, socket, what)

    def _expect_error_signal(self, tracked: TrackedCluster, socket: ClusterSocket, what: str) -> None:
        with default_requirement("DIO-12"):
            socket.expect_error_signal(what)
        socket.close()
        self._note_lost_socket(tracked)
        tracked.model.note_event("DIO-12")

    def _send_garbage(self, tracked: TrackedCluster, step: Step) -> None:
        payload = step.bytes_argument("bytes")
        with contextlib.suppress(SchemaError):
            self.resources.target.dialect.codec.decode_io(payload)
            return  # the bytes happen to be a message
        socket = self._socket(tracked)
        socket.send_bytes(payload, "undecodable bytes")
        self._expect_error_signal(tracked, socket, "undecodable bytes")

    def _send_unusual(self, tracked: TrackedCluster, step: Step) -> None:
        """Send a message that the protocol leaves open: the cluster is not used any more, the server must go on."""
        self._finish_cycle(tracked)
        name, size = next(iter(tracked.shape.inputs.items()))
        how = step.choice_argument("how", UNUSUAL_MESSAGES)
        socket = self._socket(tracked)
        socket.websocket.awaiting = "answer to an unusual message"
        with contextlib.suppress(ResponseTimeout, ConnectionClosed):
            socket.send("" if how == "no name" else name, unusual_values(how, size), is_last=True)
            socket.websocket.receive_or_close("an answer to an unusual message")
        socket.close()
        self._note_lost_socket(tracked)
        tracked.state = "unusual"

    def _attempt_as_other_user(self, tracked: TrackedCluster, step: Step) -> None:
        others = [account for account in self.accounts if account is not tracked.cluster.account]
        if not others:
            return
        action = OTHER_USER_CLUSTER_ACTIONS[step.int_argument("what") % len(OTHER_USER_CLUSTER_ACTIONS)]
        if action == "attach":
            self._make_room()
        attempt_as_other_user_on_cluster(tracked.cluster, others[0], action)
        tracked.model.note_event("GEN-3")

    def _delete(self, tracked: TrackedCluster, step: Step) -> None:  # noqa: ARG002
        answer = tracked.cluster.delete()
        require(answer.status == 200, expected="200 to the DELETE", actual=answer, requirement="DIO-14")
        tracked.state = "deleted"
        socket, tracked.socket = tracked.socket, None
        if socket is not None:
            expect_no_output(socket)
        self._make_room()
        use_deleted_cluster(tracked.cluster)

    # Action to its method, and to the requirement of a failure that names none. "cluster" itself acts on no cluster.
    actions: ClassVar[Mapping[str, tuple[Callable[[DirectIoExecutor, TrackedCluster, Step], None], str]]] = {
        "request": (_request, "DIO-3"),
        "open": (_open_cycle, "DIO-2"),
        "end": (_finish_cycle, "DIO-2"),
        "train": (_train, "DIO-5"),
        "train_until_learned": (_train_until_learned, "DIO-8"),
        "pipeline": (_pipeline, "DIO-9"),
        **SequenceClusters.closing_actions,
        "mode": (_switch_mode, "MODE-1"),
        "delete": (_delete, "DIO-14"),
        "mistake": (_send_mistake, "DIO-12"),
        "garbage": (_send_garbage, "DIO-12"),
        "unusual": (_send_unusual, "DIO-3"),
        "other_user": (_attempt_as_other_user, "GEN-3"),
        "suspend": (_request_from_suspended_server, "DIO-3"),
    }


def _expect_equal(actual: Outputs, known: Outputs, expectation: str, requirement: str | None = None) -> None:
    expected = f"{expectation}: {format_answer(known)}"
    require(are_equal(actual, known), expected=expected, actual=format_answer(actual), requirement=requirement)


def _distance(answer: Outputs, targets: Sequence[InputMessage]) -> float:
    return sum(distance(answer[part.name], part.values) for part in targets)
