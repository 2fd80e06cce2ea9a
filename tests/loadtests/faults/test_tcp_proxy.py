"""The proxy between users and a target: what its network conditions do to bytes and connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from hanami_loadtests.faults.tcp_proxy import PLAIN, RETRANSMISSION_SECONDS, NetworkConditions, TcpProxy, relaying
from support.suite_runs import double

PATIENCE = 20.0
LARGE = bytes(range(256)) * 4096  # a mebibyte


@pytest.fixture(name="relay")
def proxy_before_an_echo() -> Iterator[TcpProxy]:
    """A proxy in front of a server that sends back what it gets."""

    def serve(connection: socket.socket, _done: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    with double(serve) as url:
        relay = TcpProxy("127.0.0.1", int(url.rpartition(":")[2]), seed=1)
        with relaying(relay):
            yield relay


def connect(relay: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), PATIENCE)


def echoed(connection: socket.socket, data: bytes) -> float:
    """Send data, check that they come back, and return the seconds that it took."""
    begin = time.perf_counter()
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    received = b""
    while len(received) < len(data):
        received += connection.recv(1 << 16)
    sender.join()
    assert received == data
    return time.perf_counter() - begin


def test_bytes_pass_unchanged_and_an_end_is_passed_on(relay: TcpProxy) -> None:
    with connect(relay) as connection:
        echoed(connection, LARGE)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_latency_delays_each_byte_both_ways_but_not_one_after_the_other(relay: TcpProxy) -> None:
    with connect(relay) as connection:
        echoed(connection, b"a")
        relay.change(NetworkConditions(latency=0.2))
        assert echoed(connection, b"b") >= 0.4
        relay.change(PLAIN)
        echoed(connection, b"c")


def test_bandwidth_is_that_of_all_connections_together(relay: TcpProxy) -> None:
    relay.change(NetworkConditions(bandwidth=1_000_000))
    with connect(relay) as one, connect(relay) as other:
        begin = time.perf_counter()
        threads = [threading.Thread(target=echoed, args=(each, bytes(300_000))) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.perf_counter() - begin >= 0.6  # 600 kB in each direction, at the same time


def test_what_waits_passes_as_soon_as_the_conditions_end(relay: TcpProxy) -> None:
    relay.change(NetworkConditions(bandwidth=1_000))  # the last of the bytes would come after minutes
    with connect(relay) as one, connect(relay) as other:
        threading.Timer(0.3, relay.change, [PLAIN]).start()
        assert echoed(one, bytes(300_000)) < PATIENCE
        assert echoed(other, b"a") < PATIENCE


def test_lost_segments_come_late_and_nothing_is_lost(relay: TcpProxy) -> None:
    relay.change(NetworkConditions(loss=0.5))
    with connect(relay) as connection:
        assert sum(echoed(connection, b"a") for _ in range(3)) >= RETRANSMISSION_SECONDS


def test_nothing_passes_a_partition_and_all_does_after_it(relay: TcpProxy) -> None:
    with connect(relay) as old:
        echoed(old, b"a")
        relay.change(NetworkConditions(is_partitioned=True))
        with connect(relay) as new:
            for connection in (old, new):
                connection.sendall(b"b")
                connection.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(PATIENCE)
            relay.change(PLAIN)
            assert (old.recv(1), new.recv(1)) == (b"b", b"b")


def test_a_reset_ends_all_connections_and_new_ones_while_it_lasts(relay: TcpProxy) -> None:
    with connect(relay) as connection:
        echoed(connection, b"a")
        relay.change(NetworkConditions(resets=True))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        with pytest.raises(ConnectionResetError), connect(relay) as new:
            new.recv(1)
        relay.change(PLAIN)
        with connect(relay) as after:
            echoed(after, b"b")


def test_a_target_that_is_down_is_a_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    relay = TcpProxy("127.0.0.1", port)
    with relaying(relay), pytest.raises(ConnectionResetError), connect(relay) as connection:
        connection.recv(1)


def test_a_proxy_that_cannot_listen_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(asyncio, "start_server", full)
    with pytest.raises(OSError, match="Too many open files"), relaying(TcpProxy("127.0.0.1", 1)):
        pass
