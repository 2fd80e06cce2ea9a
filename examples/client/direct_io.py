"""Direct interaction with a cluster, in the steps of the workflow document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import httpx
from websockets.sync.client import ClientConnection

from hanami_proto.codec import BrickMessage, ProcessType, SchemaError, TargetBuffer
from session import PAUSES, HanamiError, RejectedError, Session, TemporaryError, exchange, receive

Values = Mapping[str, Sequence[float]]  # by the names of inputs or outputs


@contextmanager
def direct_mode(session: Session, uuid: str, outputs: Mapping[str, int]) -> Iterator[DirectCluster]:
    """Switch a cluster to the direct mode, and at the end back to the task mode, also after an error (steps 1 and 4).

    Args:
        session: Session of a user who may use the cluster.
        uuid: Uuid of the cluster.
        outputs: Sizes of its outputs by their names, as its template says.
    """
    task, direct = session.dialect.modes
    cluster = DirectCluster(session, uuid, outputs)

    def leave() -> None:
        cluster.close()
        _set_mode(session, uuid, task)

    try:
        _set_mode(session, uuid, direct)
    except TemporaryError:  # it may be done all the same
        with suppress(HanamiError):
            leave()
        raise
    try:
        yield cluster
    except BaseException:
        with suppress(HanamiError):  # the first error says more
            leave()
        raise
    leave()


def _set_mode(session: Session, uuid: str, mode: str) -> None:
    try:
        session.call("cluster.set_mode", {"uuid": uuid, "new_state": mode})
    except RejectedError as error:
        # 409 after a lost answer: the first try was done, and the cluster is in this mode already.
        if not (error.may_be_done and error.status == httpx.codes.CONFLICT):
            raise


class DirectCluster:
    """A cluster in direct mode, and its websocket."""

    def __init__(self, session: Session, uuid: str, outputs: Mapping[str, int]) -> None:
        self._session = session
        self._codec = session.dialect.codec
        self._uuid = uuid
        self._outputs = outputs
        self._socket: ClientConnection | None = None

    def close(self) -> None:
        """Close the websocket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def train(self, inputs: Values, expected: Values) -> None:
        """Train once; not repeated after a lost connection, since the cluster might be trained twice then."""
        self._run_cycle(ProcessType.TRAIN, inputs, expected)

    def request(self, inputs: Values) -> dict[str, list[float]]:
        """Return the values of all outputs; repeated after a lost connection, since a request changes nothing."""
        for pause in (*PAUSES, None):
            try:
                return self._read_outputs(self._run_cycle(ProcessType.REQUEST, inputs, {}))
            except TemporaryError:
                self.close()
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _run_cycle(self, process_type: ProcessType, inputs: Values, expected: Values) -> BrickMessage:
        """Send the messages of a cycle, and return the answer to the last one, which starts the processing (step 3)."""
        if self._socket is None:
            self._socket = self._session.attach("cluster", self._uuid)  # step 2
        parts = [(name, values, TargetBuffer.INPUT) for name, values in inputs.items()]
        parts += [(name, values, TargetBuffer.EXPECTED) for name, values in expected.items()]
        for left, (name, values, target) in zip(reversed(range(len(parts))), parts, strict=True):
            # The codec counts numberOfValues. Only the last message is answered with outputs, the others to be in step.
            message = self._codec.encode_io(
                name, values, is_last=left == 0, process_type=process_type, target_buffer=target
            )
            answer = self._decode(exchange(self._socket, message))
        return answer

    def _read_outputs(self, message: BrickMessage) -> dict[str, list[float]]:
        """Return the values of all outputs, which arrive in one or more messages; the first one is given."""
        assert self._socket is not None
        outputs: dict[str, list[float]] = {}
        while True:
            values = outputs.setdefault(message.name, [])
            values += message.values.tolist()
            if len(values) > self._outputs.get(message.name, 0):
                raise HanamiError(f"the cluster answered with {len(values)} values of {message.name!r}")
            if {name: len(values) for name, values in outputs.items()} == self._outputs:
                return outputs
            message = self._decode(receive(self._socket))

    def _decode(self, payload: bytes) -> BrickMessage:
        try:
            message = self._codec.decode_io(payload)
        except SchemaError as error:
            raise HanamiError(f"the cluster answered with something else: {error}") from error
        if message.number_of_values != len(message.values):
            raise HanamiError(f"numberOfValues is {message.number_of_values}, but there are {len(message.values)}")
        return message
