"""Messages to a cluster, and the verification of its answers (direct interaction, step 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import ClusterShape, InputMessage, check_output, is_output
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.models.cluster import Outputs, are_equal
from hanami_conformance.resources.training import format_answer, training_targets
from hanami_conformance.stateful.cluster_messages import input_messages
from hanami_loadtests.engine.failures import IncorrectAnswer
from hanami_loadtests.engine.frames import binary_frame
from hanami_loadtests.engine.stream import INCOMPLETE, Outgoing
from hanami_proto.codec import BrickMessage, Codec, ProcessType, SchemaError, TargetBuffer
from hanami_proto.dialect import Dialect

REQUEST, TRAIN = "direct request", "direct train"  # types of message
KINDS = 4  # of sent values; see :func:`hanami_conformance.stateful.cluster_messages.input_values`
VALUE_SIZE = 4  # bytes of a float32
REPEATED = 120  # requests in the sequence of an incorrect answer
MOST_ENCODINGS = 8  # of the same answer that are remembered as bytes


@dataclass
class Knowledge:
    """State of one cluster, as known from its answers.

    Attributes:
        codec: Codec of the dialect.
        dialect: Name of the dialect.
        shape: Bricks of the cluster.
        answers: Kind of values to its answer, as long as nothing is trained.
        encodings: Kind of values to the bytes of verified answers.
        is_trained: Whether the cluster is trained, so that answers change.
        acknowledgements: Number of received messages that are no output: acknowledgements and placeholders.
    """

    codec: Codec
    dialect: str
    shape: ClusterShape
    answers: dict[int, Outputs] = field(default_factory=dict)
    encodings: dict[int, set[bytes]] = field(default_factory=dict)
    is_trained: bool = False
    acknowledgements: int = 0

    @property
    def answer_size(self) -> int:
        """Payload of an answer, bytes."""
        return VALUE_SIZE * sum(self.shape.outputs.values())

    def sequence(self, error: IncorrectAnswer, *kinds: int) -> StepSequence:
        """Return requests for ``hanami-conformance replay``: many, since faults under load seldom show in a few.

        Args:
            error: Incorrect answer.
            kinds: Kinds of values in the requests.
        """
        begin = {
            "inputs": list(self.shape.inputs.values()),
            "outputs": [size - 10 * index for index, size in enumerate(self.shape.outputs.values())],
            "hidden": self.shape.hidden,
            "user": 0,
        }
        steps = [Step("cluster", begin)]
        if self.is_trained:
            steps.append(Step("train", {"cluster": 0, "values": kinds[0], "targets": 1, "times": 1}))
        steps += [Step("request", {"cluster": 0, "values": kind, "order": 0}) for kind in kinds * REPEATED]
        return StepSequence(
            "direct",
            tuple(steps),
            self.dialect,
            error.requirement,
            error.expected,
            error.actual,
            recurred_alone=False,  # seen beside other users, and not repeated
        )

    def accept_unsolicited(self, payload: bytes) -> None:
        """Check an unsolicited message: it may be an acknowledgement or a placeholder.

        Raises:
            IncorrectAnswer: If it is the output of a brick.
        """
        message = decode_message(self.codec, payload)
        if message is not None and is_output(message, self.shape):
            raise IncorrectAnswer("DIO-3", "one output of each brick to a request", "one more")
        self.acknowledgements += 1


def decode_message(codec: Codec, payload: bytes) -> BrickMessage | None:
    """Decode a message of the target; None for JSON, which some servers send as well.

    Raises:
        IncorrectAnswer: If it is neither.
    """
    try:
        return codec.decode_io(payload)
    except SchemaError as error:
        if json_object(payload) is not None:
            return None
        raise IncorrectAnswer("DIO-3", "a ClusterIO message", str(error)) from error


@dataclass
class OutputExpected:
    """The reply to a request: the output of every brick (requirements DIO-3, DIO-7).

    It is used again and again for the same values, one exchange at a time.

    Attributes:
        knowledge: State of the cluster.
        kind: Kind of the values.
    """

    knowledge: Knowledge
    kind: int
    _found: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = field(default_factory=dict)

    def verify(self, payload: bytes) -> int:
        """Verify one message of the reply."""
        knowledge = self.knowledge
        if payload in knowledge.encodings.get(self.kind, ()):
            return knowledge.answer_size  # nearly always: only unknown bytes are decoded
        message = decode_message(knowledge.codec, payload)
        if message is None or not is_output(message, knowledge.shape):
            self._require_acknowledgement(message)
            knowledge.acknowledgements += 1
            return INCOMPLETE
        name, size = self._brick(message)
        try:
            check_output(message, name, size)
        except Violation as error:
            raise IncorrectAnswer("DIO-3", error.expected, error.actual) from error
        self._found[name] = message.values
        if len(self._found) < len(knowledge.shape.outputs):
            return INCOMPLETE
        answer, self._found = self._found, {}
        self._compare(answer, payload)
        return knowledge.answer_size

    def _require_acknowledgement(self, message: BrickMessage | None) -> None:
        # A message with several values in the wrong number is an incorrect output.
        if message is not None and message.process_type == ProcessType.REQUEST and len(message.values) > 1:
            raise IncorrectAnswer(
                "DIO-3", "the output of a brick", f"{len(message.values)} values of {message.name or 'no brick'!r}"
            )

    def _brick(self, message: BrickMessage) -> tuple[str, int]:
        outputs = self.knowledge.shape.outputs
        if message.name in outputs:
            return message.name, outputs[message.name]
        return next((name, size) for name, size in outputs.items() if size == len(message.values))

    def _compare(self, answer: Outputs, payload: bytes) -> None:
        knowledge = self.knowledge
        if knowledge.is_trained:
            return
        known = knowledge.answers.setdefault(self.kind, answer)
        if not are_equal(answer, known):
            others = (one for kind, one in knowledge.answers.items() if kind != self.kind)
            hint = (
                " (the answer to other values: one before it may be missing)"
                if any(are_equal(answer, one) for one in others)
                else ""
            )
            raise IncorrectAnswer(
                "DIO-7", f"the answer as before: {format_answer(known)}", format_answer(answer) + hint
            )
        encodings = knowledge.encodings.setdefault(self.kind, set())
        if len(knowledge.shape.outputs) == 1 and len(encodings) < MOST_ENCODINGS:
            encodings.add(payload)

    def sequence(self, error: IncorrectAnswer) -> StepSequence | None:
        """Return the exchange for ``hanami-conformance replay``."""
        return self.knowledge.sequence(error, self.kind)


@dataclass
class TrainingEnded:
    """The replies to a TRAIN cycle: no output, and as many messages as this target sends (DIO-5, DIO-6).

    Attributes:
        knowledge: State of the cluster.
        answers: Number of messages with which the target answers a cycle.
        kind: Kind of the values.
    """

    knowledge: Knowledge
    answers: int
    kind: int
    _received: int = 0

    def verify(self, payload: bytes) -> int:
        """Verify one message of the reply."""
        message = decode_message(self.knowledge.codec, payload)
        if message is not None and is_output(message, self.knowledge.shape):
            self._received = 0
            raise IncorrectAnswer("DIO-5", "no output to a TRAIN cycle", f"values of {message.name!r}")
        self._received += 1
        if self._received < self.answers:
            return INCOMPLETE
        self._received = 0
        return 0

    def sequence(self, error: IncorrectAnswer) -> StepSequence | None:
        """Return the exchange for ``hanami-conformance replay``."""
        return self.knowledge.sequence(error, self.kind)


def request_message(knowledge: Knowledge, kind: int) -> Outgoing:
    """Return a request with all values, one message for each input brick."""
    parts = input_messages(knowledge.shape, kind)
    frame = _frames(knowledge.codec, parts, ProcessType.REQUEST)
    return Outgoing(REQUEST, frame, _payload(parts), OutputExpected(knowledge, kind))


def train_message(knowledge: Knowledge, kind: int, answers: int) -> Outgoing:
    """Return a TRAIN cycle: inputs, then expected values.

    Args:
        knowledge: State of the cluster.
        kind: Kind of the values.
        answers: Number of messages with which the target answers a cycle.
    """
    parts = [*input_messages(knowledge.shape, kind), *training_targets(knowledge.shape, kind)]
    frame = _frames(knowledge.codec, parts, ProcessType.TRAIN)
    return Outgoing(TRAIN, frame, _payload(parts), TrainingEnded(knowledge, answers, kind))


def _payload(parts: Sequence[InputMessage]) -> int:
    return VALUE_SIZE * sum(len(part.values) for part in parts)


def _frames(codec: Codec, parts: Sequence[InputMessage], process: ProcessType) -> bytes:
    last = len(parts) - 1
    return b"".join(
        binary_frame(
            codec.encode_io(
                part.name,
                part.values,
                is_last=index == last,
                process_type=process,
                target_buffer=TargetBuffer.EXPECTED if part.expected else TargetBuffer.INPUT,
            )
        )
        for index, part in enumerate(parts)
    )


def new_knowledge(dialect: Dialect, shape: ClusterShape) -> Knowledge:
    """Return the state of a new cluster, of which only the shape is known."""
    return Knowledge(dialect.codec, dialect.name, shape)
