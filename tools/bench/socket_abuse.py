"""Messages on websockets that make a server work long or hold much, one function each."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.resources.templates import render_template
from tools.bench.victim import DEADLINE, MIB, NO_MASK, Victim, drain, frame, send_all, shake_hands

PING = b"\x89\x80" + NO_MASK
BINARY, CONTINUATION, FINAL = 0x02, 0x00, 0x80


def pings(victim: Victim) -> None:
    """Send 300,000 pings on one websocket at once, before the first message."""
    with victim.raw() as connection:
        shake_hands(connection)
        send_all(connection, PING * victim.many(300_000))
        drain(connection)


def tiny_fragments(victim: Victim) -> None:
    """Send a message in 500,000 fragments of one byte, on an attached websocket."""
    fields = victim.ask("csv.init", name="abuse", input_data_size=100)
    with victim.attached("file_upload", fields["uuid_input_file"]) as websocket:
        data = frame(BINARY, b"x") + frame(CONTINUATION, b"x") * victim.many(500_000) + frame(FINAL, b"x")
        send_all(websocket.socket, data)
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            websocket.recv(DEADLINE)
    victim.call("dataset.delete", uuid=fields["uuid"])


def large_first_messages(victim: Victim) -> None:
    """Open 60 websockets, each with a first message of 16 MiB that lacks its last byte."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(victim.raw()) for _ in range(60)]
        size = victim.many(16 * MIB - 1024)
        for connection in connections:
            shake_hands(connection)
            send_all(connection, frame(FINAL | BINARY, bytes(size))[:-1])
        drain(connections[-1])


def tiny_first_messages(victim: Victim) -> None:
    """Send 100,000 empty messages on one websocket at once."""
    with victim.raw() as connection:
        shake_hands(connection)
        send_all(connection, frame(FINAL | BINARY, b"") * victim.many(100_000))
        drain(connection)


def scattered_bytes(victim: Victim) -> None:
    """Send 50,000 chunks of one byte, each behind a gap of one byte."""
    size = victim.many(50_000)
    fields = victim.ask("csv.init", name="abuse", input_data_size=2 * size)
    codec = victim.dialect.codec
    with victim.attached("file_upload", fields["uuid_input_file"]) as websocket:
        for start in range(0, size, 1000):
            chunks = (codec.encode_chunk(2 * number, b"x") for number in range(start, min(size, start + 1000)))
            websocket.socket.sendall(b"".join(frame(FINAL | BINARY, chunk) for chunk in chunks))
            for _ in range(start, min(size, start + 1000)):
                websocket.recv(DEADLINE)
    victim.call("dataset.delete", uuid=fields["uuid"])


def unknown_fields(victim: Victim) -> None:
    """Send a chunk of 12 MiB that consists of fields which the schema lacks."""
    _send_fields(victim, b"\x78\x00")


def repeated_fields(victim: Victim) -> None:
    """Send a chunk of 12 MiB that has its data over and over, each time without a byte."""
    _send_fields(victim, b"\x12\x00")


def repeated_names(victim: Victim) -> None:
    """Send a message of 12 MiB to a cluster that has its name over and over."""
    with _cluster(victim, 10) as websocket:
        websocket.send(b"\x0a\x00" * victim.many(6 * MIB - 1))
        with contextlib.suppress(ConnectionClosed):  # there is no brick without a name
            websocket.recv(DEADLINE)


def _send_fields(victim: Victim, field: bytes) -> None:
    fields = victim.ask("csv.init", name="abuse", input_data_size=100)
    with victim.attached("file_upload", fields["uuid_input_file"]) as websocket:
        websocket.send(field * victim.many(6 * MIB - 1))
        websocket.recv(DEADLINE)
    victim.call("dataset.delete", uuid=fields["uuid"])


def large_cluster(victim: Victim) -> None:
    """Ask and train a cluster of 900,000 inputs and as many outputs."""
    size = victim.many(900_000)
    codec = victim.dialect.codec
    values = np.ones(size, dtype=np.float32)
    with _cluster(victim, size) as websocket:
        for process_type in (0, 1, 1, 0):
            websocket.send(codec.encode_io("left", values, is_last=False, process_type=process_type))
            websocket.recv(DEADLINE)
            name = "right" if process_type else "left"
            websocket.send(codec.encode_io(name, values, is_last=True, process_type=process_type))
            websocket.recv(DEADLINE)


@contextlib.contextmanager
def _cluster(victim: Victim, size: int) -> Iterator[ClientConnection]:
    """Provide a websocket of a cluster with so many inputs, as many outputs, and a neuron between them."""
    template = render_template(victim.dialect, ClusterShape({"left": size}, {"right": size}, hidden=1))
    encoded = base64.b64encode(template.encode()).decode()
    uuid = victim.ask("cluster.create", name="abuse", template=encoded)["uuid"]
    victim.ask("cluster.set_mode", uuid=uuid, new_state=victim.dialect.modes[1])
    with victim.attached("cluster", uuid) as websocket:
        yield websocket
    victim.call("cluster.delete", uuid=uuid)


def closed_websockets(victim: Victim) -> None:
    """Open and close 3000 websockets one after the other."""
    for _ in range(victim.many(3000)):
        with victim.raw() as connection:
            shake_hands(connection)
            connection.sendall(frame(0x88, b"\x03\xe8"))
            while connection.recv(4096):
                pass
