"""Checks of direct interaction: the mode, cycles, values, the outputs that are handed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.client_mode.record import CLUSTER, Message, Request, Socket
from hanami_conformance.client_mode.registry import judges
from hanami_conformance.client_mode.situation import Situation, violation
from hanami_conformance.common.text import printable_line
from hanami_proto.codec import BrickMessage, ProcessType, SchemaError, TargetBuffer

SET_MODE = "cluster.set_mode"
SET = (HTTPStatus.OK, HTTPStatus.CONFLICT)  # statuses of a switch after which the mode is set
Outputs = Mapping[str, NDArray[np.float32]]


@dataclass
class Cycle:
    """The messages of a client up to one with isLast, and the outputs that answered it.

    Attributes:
        messages: Messages, each with its content.
        outputs: Values of the outputs that the client received, by name.
        is_answered: Whether the client received an answer to its last message.
    """

    messages: list[tuple[Message, BrickMessage]] = field(default_factory=list)
    outputs: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    is_answered: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the client has ended it with isLast."""
        return bool(self.messages) and self.messages[-1][1].is_last

    @property
    def is_request(self) -> bool:
        """Whether its last message asks for outputs."""
        return self.is_complete and self.messages[-1][1].process_type == ProcessType.REQUEST


def cluster_sockets(seen: Situation) -> list[Socket]:
    """Return the websockets for clusters that were accepted."""
    return [socket for socket in seen.accepted if socket.target == CLUSTER]


def io_messages(seen: Situation, socket: Socket) -> Iterator[tuple[Message, BrickMessage]]:
    """Yield the messages of the client on the websocket of a cluster; what is none is left out."""
    for message in socket.data:
        try:
            yield message, seen.materials.dialect.codec.decode_io(message.payload)
        except SchemaError:
            continue


def cycles(seen: Situation, socket: Socket) -> list[Cycle]:
    """Return the cycles on a websocket; the last one may be incomplete."""
    found = [Cycle()]
    for message, content in io_messages(seen, socket):
        if found[-1].is_complete:
            found.append(Cycle())
        found[-1].messages.append((message, content))
    answers = iter(socket.answers)
    for cycle in found:
        for message, content in cycle.messages:
            if not message.delivered:
                continue
            wanted = len(seen.materials.shape.outputs) if content.is_last and cycle.is_request else 1
            for _ in range(wanted):
                answer = next(answers, None)
                cycle.is_answered = answer is not None and answer.delivered
                _add_output(seen, cycle, answer)
    return [cycle for cycle in found if cycle.messages]


def _add_output(seen: Situation, cycle: Cycle, answer: Message | None) -> None:
    if answer is None or not answer.delivered:
        return
    content = seen.materials.dialect.codec.decode_io(answer.payload)
    if content.name:
        cycle.outputs[content.name] = content.values


def last_outputs(seen: Situation) -> Outputs | None:
    """Return the outputs of the last request, None if the client did not receive all of them."""
    requests = [cycle for socket in cluster_sockets(seen) for cycle in cycles(seen, socket) if cycle.is_request]
    if not requests or requests[-1].outputs.keys() != seen.materials.shape.outputs.keys():
        return None
    return requests[-1].outputs


@judges("CLI-17")
def attaches_in_direct_mode(seen: Situation) -> int:
    """Check that the cluster is in the direct mode when a websocket attaches to it."""
    direct = seen.materials.dialect.modes[1]
    sockets = [socket for socket in seen.record.sockets_of(CLUSTER) if socket.uuid in seen.clusters]
    for socket in sockets:
        first = socket.sent[0]
        switches = [one for one in _switches(seen, socket.uuid) if one.answered < first.at and one.status in SET]
        if not switches or switches[-1].fields.get("new_state") != direct:
            last = switches[-1].fields.get("new_state") if switches else "no switch"
            raise violation(f"set_mode {direct} before the websocket attaches", printable_line(str(last)), first.event)
    return len(sockets)


def _switches(seen: Situation, cluster: str) -> list[Request]:
    return [one for one in seen.record.of(SET_MODE) if one.fields.get("uuid") == cluster]


@judges("CLI-18")
def returns_to_task_mode(seen: Situation) -> int:
    """Check that the cluster is switched back to the task mode at the end."""
    task, direct = seen.materials.dialect.modes
    if seen.record.was_killed or seen.scenario.restarts:  # which forgets the cluster
        return 0
    count = 0
    for cluster in seen.clusters:
        switches = _switches(seen, cluster)
        entered = [
            index for index, one in enumerate(switches) if one.fields.get("new_state") == direct and one.succeeded
        ]
        if not entered:
            continue
        count += 1
        if all(one.fields.get("new_state") != task for one in switches[entered[-1] + 1 :]):
            raise violation(f"set_mode {task} at the end", f"none after set_mode {direct}", switches[entered[-1]].event)
    return count


def is_return_unconfirmed(seen: Situation) -> bool:
    """Return whether the client tried to switch a cluster back, and the server confirmed none of its attempts."""
    task, _ = seen.materials.dialect.modes
    for cluster in seen.clusters:
        returns = [one for one in _switches(seen, cluster) if one.fields.get("new_state") == task]
        if returns and all(one.status not in SET for one in returns):
            return True
    return False


@judges("CLI-19")
def last_message_ends_the_cycle(seen: Situation) -> int:
    """Check that isLast is in the last message of a cycle and in no other."""
    shape = seen.materials.shape
    count = 0
    for socket in cluster_sockets(seen):
        for cycle in cycles(seen, socket):
            count += 1
            event = cycle.messages[-1][0].event
            values: Counter[str] = Counter()
            for _, content in cycle.messages:
                values[content.name] += len(content.values)
            if not cycle.is_complete:
                if socket.ended_by == "client" and not _is_excused(seen, socket):
                    actual = f"the websocket is closed after {len(cycle.messages)} messages without it"
                    raise violation("isLast in the last message of a cycle", actual, event)
                continue
            trained = {} if cycle.is_request else {name: size for name, size in shape.outputs.items() if values[name]}
            needed = {**shape.inputs, **(trained or ({} if cycle.is_request else shape.outputs))}
            for name, size in needed.items():
                if values[name] < size:
                    actual = f"isLast after {values[name]} of {size} values of {name}"
                    raise violation("isLast behind all values of the cycle", actual, event)
    return count


def _is_excused(seen: Situation, socket: Socket) -> bool:
    """Return whether the scenario gave a reason to leave a cycle, such as an answer that it lost."""
    return seen.record.was_killed or any(message.is_disturbed for message in socket.messages)


@judges("CLI-20")
def right_number_of_values(seen: Situation) -> int:
    """Check that numberOfValues is the number of values, and every value is finite."""
    count = 0
    for socket in cluster_sockets(seen):
        for message, content in io_messages(seen, socket):
            count += 1
            if content.number_of_values != len(content.values):
                actual = f"numberOfValues = {content.number_of_values} with {len(content.values)} values"
                raise violation(f"numberOfValues = {len(content.values)}", actual, message.event)
            if not np.isfinite(content.values).all():
                raise violation("finite values", "one that is not", message.event)
    return count


@judges("CLI-21")
def right_names(seen: Situation) -> int:
    """Check that every message is for an input, or in training for an output, and exceeds neither."""
    count = 0
    for socket in cluster_sockets(seen):
        for cycle in cycles(seen, socket):
            left = Counter({**seen.materials.shape.inputs, **seen.materials.shape.outputs})
            for message, content in cycle.messages:
                count += 1
                _check_name(seen, message, content)
                left[content.name] -= len(content.values)
                if left[content.name] < 0:
                    raise violation(f"no more values than {content.name} holds", "more of them", message.event)
    return count


def _check_name(seen: Situation, message: Message, content: BrickMessage) -> None:
    shape = seen.materials.shape
    is_training = content.process_type == ProcessType.TRAIN
    allowed = [*shape.inputs, *(shape.outputs if is_training else ())]
    actual = printable_line(repr(content.name))
    if content.name not in allowed:
        raise violation(f"one of {', '.join(allowed)}", actual, message.event)
    if seen.materials.dialect.codec.schema == "buffer":
        is_output = content.name in shape.outputs
        right = TargetBuffer.EXPECTED if is_output else TargetBuffer.INPUT
        if content.target_buffer != right:
            expected = f"targetBufferType {right.name} for {content.name}"
            raise violation(expected, str(content.target_buffer), message.event)


@judges("CLI-22")
def hands_over_the_outputs(seen: Situation) -> int:
    """Check that the values that the client hands over are those of the server."""
    outputs = last_outputs(seen)
    left_any = seen.hands_over or seen.record.outputs is not None
    failed = seen.record.exit_status != 0 and not seen.record.by_hand
    if failed or outputs is None or not left_any:
        return 0
    event = seen.last_event
    handed = seen.record.outputs
    if not isinstance(handed, dict):
        expected = "a JSON object in the result file, with the values of each output by its name"
        raise violation(expected, "none" if handed is None else "other JSON", event)
    for name, values in outputs.items():
        if not _same(handed.get(name), values):
            actual = printable_line(str(handed.get(name)), 120)
            raise violation(f"{name} = {printable_line(str(values.tolist()), 120)}", actual, event)
    return len(outputs)


def _same(handed: object, values: NDArray[np.float32]) -> bool:
    """Return whether a list of JSON numbers is the same in float32."""
    try:
        array = np.array(handed, dtype=np.float32)
    except (TypeError, ValueError):
        return False
    return array.shape == values.shape and bool(np.array_equal(array, values))


@judges("CLI-29")
def trains_once(seen: Situation) -> int:
    """Check that a training cycle that the server has done, and whose answer was lost, is not sent again."""
    done: list[list[bytes]] = []
    for socket in cluster_sockets(seen):
        for cycle in cycles(seen, socket):
            last, _ = cycle.messages[-1]
            if not cycle.is_complete or cycle.is_request or not last.delivered:
                continue
            payloads = [message.payload for message, _ in cycle.messages]
            if payloads in done:
                raise violation("no second training with the same values", "the same cycle again", last.event)
            if not cycle.is_answered:
                done.append(payloads)
    return len(done)
