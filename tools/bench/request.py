"""Direct interaction: requests to a cluster of 784-400-10 neurons, and what its parts cost at the least."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.codec import Codec, SchemaError
from hanami_proto.dialect import load_dialect
from tools.bench.client import WebSocket, exchange_for
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.servers import Bare, Reference, Servers
from tools.bench.statistics import Aim, Sample

INPUTS, HIDDEN, OUTPUTS = 784, 400, 10
REQUESTS = 16  # different ones, sent over and over
BATCH = 16  # forward passes between two looks at the clock

REFERENCE = "reference backend"
BARE = "bare server"
FORWARD = "forward pass alone"

TEMPLATE = f"""\
version: 1
settings:
    neuron_cooldown: 10000000.0
    refractory_time: 1
    max_connection_distance: 1
    enable_reduction: false
bricks:
    1,1,1
        input: pixels
        number_of_neurons: {INPUTS}
    2,1,1
        number_of_neurons: {HIDDEN}
    3,1,1
        output: digits
        number_of_neurons: {OUTPUTS}
"""

Vector = NDArray[np.float32]


class RequestMeasurement(Measurement):
    """One REQUEST after the other on one websocket."""

    name = "request"
    title = f"direct request, {INPUTS} values in, {OUTPUTS} out, {INPUTS}-{HIDDEN}-{OUTPUTS} neurons"
    ratio_title = "time of one: reference / (bare + forward pass)"
    aim = Aim(2.0, at_least=False)

    @contextmanager
    def sides(self, servers: Servers, _plan: Plan) -> Iterator[Mapping[str, Side]]:
        """See :meth:`Measurement.sides`."""
        codec = load_dialect().codec
        inputs = np.random.default_rng(0).random((REQUESTS, INPUTS), dtype=np.float32)
        messages = [codec.encode_io("pixels", values, is_last=True) for values in inputs]
        with reference_cluster(servers.reference) as cluster, servers.bare.open("request") as bare:
            yield {
                REFERENCE: RequestSide(Reference.TITLE, cluster, codec, messages),
                BARE: RequestSide(Bare.TITLE, bare, codec, messages),
                FORWARD: ForwardSide(inputs),
            }

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[REFERENCE].each / (samples[BARE].each + samples[FORWARD].each)


class RequestSide:
    """Requests to one server.

    Args:
        title: Name of the server in messages.
        connection: Attached connection.
        codec: Codec of the messages.
        messages: Requests, all of one length.
    """

    def __init__(self, title: str, connection: WebSocket, codec: Codec, messages: Sequence[bytes]) -> None:
        self._title = title
        self._connection = connection
        self._codec = codec
        self._messages = messages

    def __call__(self, seconds: float) -> Sample:
        """Ask for that long.

        Raises:
            ProcessError: If an answer is not an output of the cluster.
        """
        answers, spent = exchange_for(self._connection, itertools.cycle(self._messages), seconds)
        for answer in set(answers):  # the same request has the same answer, so that there are few
            self._check(answer)
        return Sample(len(answers), spent, len(answers) * len(self._messages[0]))

    def _check(self, answer: bytes) -> None:
        try:
            message = self._codec.decode_io(answer)
        except SchemaError as error:
            raise ProcessError(f"{self._title} answered a request with something that is {error}") from error
        if message.number_of_values != OUTPUTS or len(message.values) != OUTPUTS:
            raise ProcessError(f"{self._title} answered a request with {len(message.values)} values, not {OUTPUTS}")
        if not np.isfinite(message.values).all():
            raise ProcessError(f"{self._title} answered a request with a value that is not finite")


class ForwardSide:
    """The arithmetic of a request in this process: tanh, then sigmoid, in float32.

    Args:
        inputs: Input values, shape (n, 784).
    """

    def __init__(self, inputs: Vector) -> None:
        random = np.random.default_rng(1)
        self._forward = forward_pass(
            random.standard_normal((HIDDEN, INPUTS), dtype=np.float32) * np.float32(0.05),
            random.standard_normal((OUTPUTS, HIDDEN), dtype=np.float32) * np.float32(0.05),
        )
        self._inputs = list(inputs)

    def __call__(self, seconds: float) -> Sample:
        """Compute for that long."""
        inputs = itertools.cycle(self._inputs)
        passes = 0
        start = time.perf_counter()
        now, end = start, start + seconds
        while now < end:
            for values in itertools.islice(inputs, BATCH):
                self._forward(values)
            passes += BATCH
            now = time.perf_counter()
        return Sample(passes, now - start)


def forward_pass(hidden: Vector, output: Vector) -> Callable[[Vector], Vector]:
    """Return a network of two layers, its biases 0.

    Args:
        hidden: Weights of the hidden layer, shape (neurons, inputs).
        output: Weights of the output layer, shape (outputs, neurons).

    Returns:
        A function of inputs, shape (inputs,), that answers outputs, shape (outputs,), each from 0 to 1.
    """
    hidden_bias = np.zeros(len(hidden), dtype=np.float32)
    output_bias = np.zeros(len(output), dtype=np.float32)
    one = np.float32(1.0)

    def forward(values: Vector) -> Vector:
        inner = np.tanh(hidden @ values + hidden_bias)
        outer: Vector = one / (one + np.exp(-(output @ inner + output_bias)))
        return outer

    return forward


@contextmanager
def reference_cluster(reference: Reference) -> Iterator[WebSocket]:
    """Provide a websocket, attached to a new cluster of the reference backend in direct mode."""
    dialect = reference.dialect
    template = base64.b64encode(TEMPLATE.encode()).decode()
    uuid = reference.text(reference.ask("cluster.create", {"name": "bench", "template": template}), "uuid")
    reference.ask("cluster.set_mode", {"uuid": uuid, "new_state": dialect.modes[1]})
    with reference.open("cluster", uuid) as connection:
        yield connection
    reference.ask("cluster.delete", {"uuid": uuid})
