"""A socket that is attached to a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import numpy as np

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ErrorAnswer, ResponseTimeout, Violation
from hanami_conformance.clients.cluster_messages import (
    ClusterShape,
    InputMessage,
    Values,
    check_output,
    describe,
    describe_shape,
    is_json,
    is_output,
)
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.clients.websocket_forms import MessageForm
from hanami_conformance.common.text import hex_preview
from hanami_proto.codec import BrickMessage, Codec, ProcessType, SchemaError, TargetBuffer

# Optional replies, as reports name them.
PARTIAL_ACKNOWLEDGEMENT = "acknowledges messages that are not the last"
TRAINING_END = "ends training cycles"
UNEXPLAINED = (1000, 1005)  # RFC 6455, 7.4.1: a normal end, and a close frame without a code


class ClusterSocket:
    """Sends values to bricks, runs cycles and reads the answers (direct interaction, step 3).

    Args:
        websocket: WebSocket that is attached to the cluster.
        codec: Codec of the dialect.
        shape: Bricks of the cluster.
        optional_replies: Replies that are a SHOULD, and whether the target is known to send them; updated here.
    """

    def __init__(
        self, websocket: WebSocket, codec: Codec, shape: ClusterShape, optional_replies: dict[str, bool]
    ) -> None:
        self.websocket = websocket
        self.websocket.describe = self._describe
        self.websocket.awaiting = "answer of a cluster"
        self.shape = shape
        self._codec = codec
        self._optional_replies = optional_replies
        self._sent = 0

    def _describe(self, message: Message) -> str:
        try:
            return describe(self.decode(message))
        except Violation:
            return str(message)

    def send(
        self,
        name: str,
        values: Sequence[float] | Values,
        *,
        is_last: bool,
        process_type: int = ProcessType.REQUEST,
        expected: bool = False,
        number_of_values: int | None = None,
    ) -> None:
        """Send a ClusterIO_Message without reading an answer.

        Args:
            name: Name of the brick.
            values: Values, shape (n,).
            is_last: Whether the message starts the cycle.
            process_type: A :class:`ProcessType`, or an invalid number.
            expected: Whether these are expected values of an output brick.
            number_of_values: Announced count, None for the actual one.
        """
        buffer = TargetBuffer.EXPECTED if expected else TargetBuffer.INPUT
        payload = self._codec.encode_io(
            name,
            np.asarray(values, dtype=np.float32),
            is_last=is_last,
            process_type=process_type,
            target_buffer=buffer,
            number_of_values=number_of_values,
        )
        self._sent += 1
        self.websocket.send(payload, lambda: describe(self._codec.decode_io(payload)))

    def hold(self, messages: Sequence[InputMessage], process_type: int) -> Callable[[], None]:
        """Send the messages of one cycle, as :meth:`send_messages` does, but for the last byte of the last one.

        Returns:
            Function that sends the last byte; see :meth:`WebSocket.hold`.
        """
        *first, last = messages
        for message in first:
            self.send(message.name, message.values, is_last=False, process_type=process_type, expected=message.expected)
            self.receive_acknowledgement()
        buffer = TargetBuffer.EXPECTED if last.expected else TargetBuffer.INPUT
        payload = self._codec.encode_io(
            last.name, last.values, is_last=True, process_type=process_type, target_buffer=buffer
        )
        self._sent += 1
        return self.websocket.hold(payload, lambda: describe(self._codec.decode_io(payload)))

    def send_formed(self, payload: bytes, form: MessageForm) -> None:
        """Send an encoded message in frames and segments of another form, without reading an answer."""
        self._sent += 1
        self.websocket.send_formed(payload, form, lambda: describe(self._codec.decode_io(payload)))

    def send_bytes(self, payload: bytes, what: str) -> None:
        """Send bytes that need not be a message of the protocol."""
        self.websocket.send(payload, f"{what}: {len(payload)} bytes {hex_preview(payload)}")

    def receive(self, awaited: str) -> BrickMessage:
        """Read the next ClusterIO_Message.

        Raises:
            Violation: If nothing arrives, or something else (requirement DIO-1).
        """
        return self.decode(self.websocket.receive(awaited))

    def decode(self, message: Message) -> BrickMessage:
        """Decode a message as a ClusterIO_Message.

        Raises:
            ErrorAnswer: If it is a JSON object, as targets send for an error (requirement DIO-1).
            Violation: If it is malformed (requirement DIO-1).
        """
        if is_json(message.data):
            raise ErrorAnswer("a binary ClusterIO_Message", str(message), "DIO-1")
        if message.text:
            raise Violation("a binary ClusterIO_Message", str(message), "DIO-1")
        try:
            return self._codec.decode_io(message.data)
        except SchemaError as error:
            raise Violation("a ClusterIO_Message", f"{message}: {error}", "DIO-1") from error

    def is_output(self, message: BrickMessage) -> bool:
        """Whether a message carries the output of a brick of this cluster."""
        return is_output(message, self.shape)

    def carries_output(self, message: Message) -> bool:
        """Whether a received message carries the output of a brick of this cluster; text and JSON carry none.

        Raises:
            Violation: If it is neither text, nor JSON, nor a ClusterIO_Message (requirement DIO-1).
        """
        return not message.text and not is_json(message.data) and self.is_output(self.decode(message))

    def receive_acknowledgement(self) -> None:
        """Read the acknowledgement of a message that is not the last of its cycle.

        Raises:
            Violation: If an output arrives before the cycle is complete (requirement DIO-2), or nothing although the
                target acknowledged before (DIO-6).
        """
        message = self._receive_optional("acknowledgement of a message that is not the last", PARTIAL_ACKNOWLEDGEMENT)
        if message is not None:
            require(
                not self.is_output(message),
                expected="no output before a message with isLast = true",
                actual=describe(message),
                requirement="DIO-2",
            )

    def _receive_optional(self, what: str, reply: str) -> BrickMessage | None:
        # Replies that are a SHOULD are not waited for once the target is known never to send them.
        known = self._optional_replies
        if known.get(reply) is False:
            return None
        try:
            message = self.receive(f"the {what}")
        except ResponseTimeout as timeout:
            if known.get(reply):
                timeout.requirement = timeout.requirement_if_lost = "DIO-6"
                raise
            known[reply] = False
            return None
        known[reply] = True
        return message

    def send_messages(self, messages: Sequence[InputMessage], process_type: int) -> None:
        """Send the messages of one cycle, the last with isLast, and read the acknowledgements in between."""
        for index, message in enumerate(messages):
            is_last = index == len(messages) - 1
            self.send(
                message.name, message.values, is_last=is_last, process_type=process_type, expected=message.expected
            )
            if not is_last:
                self.receive_acknowledgement()

    def request(self, messages: Sequence[InputMessage]) -> dict[str, Values]:
        """Run a REQUEST cycle.

        Args:
            messages: Messages of the cycle, in order.

        Returns:
            Output brick to its values, float32, shape (size,).

        Raises:
            Violation: If an output is missing, duplicated, or violates DIO-3.
        """
        self.send_messages(messages, ProcessType.REQUEST)
        return self.receive_outputs()

    def receive_outputs(self) -> dict[str, Values]:
        """Read the answer to the last REQUEST message: one message for each output brick.

        Raises:
            Violation: If an output is missing, duplicated, or violates DIO-3.
        """
        found: dict[str, Values] = {}
        placeholders = 0
        while len(found) < len(self.shape.outputs):
            missing = ", ".join(repr(name) for name in self.shape.outputs if name not in found)
            # A request without any answer may have many causes; one that got some of its answers violates DIO-3.
            with default_requirement("DIO-3", counts=False) if found else contextlib.nullcontext():
                message = self.receive(f"the output of {missing}")
            if self.is_output(message):
                name = self._output_name(message)
                require(
                    name not in found,
                    expected=f"one output of each brick, {missing} is missing",
                    actual=f"another one of {name!r}",
                    requirement="DIO-3",
                )
                check_output(message, name, self.shape.outputs[name])
                found[name] = message.values
            else:
                self._check_placeholder(message)
                placeholders += 1
                require(
                    placeholders <= self._sent,
                    expected=f"the output of {missing}",
                    actual=f"{placeholders} acknowledgements of {self._sent} messages",
                    requirement="DIO-6",
                )
        return found

    def _output_name(self, message: BrickMessage) -> str:
        if message.name:
            return message.name
        return next(name for name, size in self.shape.outputs.items() if size == len(message.values))

    def _check_placeholder(self, message: BrickMessage) -> None:
        # An acknowledgement has no name or echoes that of its message, and at most a placeholder value.
        require(
            not message.name or message.name in self.shape.inputs,
            expected=f"an output of {' or '.join(self.shape.outputs)}",
            actual=describe(message),
            requirement="DIO-3",
        )
        require(
            len(message.values) <= 1 or message.process_type != ProcessType.REQUEST,
            expected=f"an output of {describe_shape(self.shape.outputs)}",
            actual=describe(message),
            requirement="DIO-3",
        )

    def train(self, messages: Sequence[InputMessage]) -> None:
        """Run a TRAIN cycle.

        Args:
            messages: Messages of the cycle, in order: inputs and expected values.

        Raises:
            Violation: If the answer is the output of a brick (requirement DIO-5).
        """
        self.send_messages(messages, ProcessType.TRAIN)
        self.receive_training_end()

    def receive_training_end(self) -> None:
        """Read the answer to the last TRAIN message.

        Raises:
            Violation: If it is the output of a brick (requirement DIO-5).
        """
        message = self._receive_optional("end of the training cycle", TRAINING_END)
        if message is not None:
            require(
                not self.is_output(message),
                expected="no output of a brick as answer to TRAIN",
                actual=describe(message),
                requirement="DIO-5",
            )

    def expect_error_signal(self, what: str) -> None:
        """Read the answer to an invalid input: no output, no silence, no unexplained end.

        Args:
            what: Description of the input for the report; its last message has isLast.

        Raises:
            Violation: If the input was processed or ignored, or the connection ended without an explanation.
        """
        answer = self.websocket.receive_or_close(f"an answer or a close to {what}")
        if isinstance(answer, CloseInfo):
            require(
                answer.code is not None and (answer.code not in UNEXPLAINED or answer.reason),
                expected=f"an answer or a close with a reason to {what}",
                actual=answer,
            )
            return
        if is_json(answer.data):
            return  # an error message, in whatever frame
        message = self.decode(answer)
        require(
            not self.is_output(message) and not self._is_valid_reply(message),
            expected=f"{what} not to be processed",
            actual=describe(message),
        )

    def _is_valid_reply(self, message: BrickMessage) -> bool:
        # Valid input is answered by an acknowledgement or the end of training, both without values of a brick.
        named = message.name and message.name not in (*self.shape.inputs, *self.shape.outputs)
        usual = not message.is_last or message.process_type == ProcessType.TRAIN
        return not named and usual and len(message.values) <= 1

    def close(self) -> list[Message]:
        """Close cleanly; see :meth:`WebSocket.close`."""
        return self.websocket.close()
