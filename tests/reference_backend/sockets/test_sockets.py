from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import Iterator
from contextlib import closing as ending

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message
from websockets.exceptions import ConnectionClosed

from hanami_proto.codec import ProcessType
from hanami_proto.dialect import load_dialect
from hanami_reference_backend.auth import User, Users
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.sockets.attach import SocketServer
from support.backend_peer import DEADLINE, PASSWORDS, Peer, Server, closing, running

UNKNOWN = "11111111-1111-4111-8111-111111111111"
TRAIN = ProcessType.TRAIN
MAX_MESSAGE = 200_000


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ["--log-level", "debug", "--max-message", str(MAX_MESSAGE), "--max-uploads", "1000"]
    with running(tmp_path_factory.mktemp("server"), *options) as server:
        yield server


@pytest.fixture(scope="module", name="alice")
def _alice(server: Server) -> Iterator[Peer]:
    with Peer(server) as peer:
        yield peer


@pytest.fixture(scope="module", name="bob")
def _bob(server: Server) -> Iterator[Peer]:
    with Peer(server, "bob") as peer:
        yield peer


class TestAttaching:
    @pytest.mark.parametrize(
        "message",
        ["", "x", "[]", "null", '"text"', "{", b"\xff", b"\x08\x01", '{"a": NaN}', "[" * 60_000, "{}" + " " * 70_000],
        ids=range(11),
    )
    def test_other_messages_than_json_objects_are_rejected(self, alice: Peer, message: str | bytes) -> None:
        assert alice.rejection(message)

    @pytest.mark.parametrize("missing", ["token", "uuid", "target"])
    @pytest.mark.parametrize("instead", [None, 5, "", "x", [], "\ud800"])
    def test_each_field_is_needed(self, alice: Peer, missing: str, instead: object) -> None:
        fields = {"token": alice.token, "uuid": alice.begin_csv(1)["uuid_input_file"], "target": "file_upload"}
        assert alice.rejection(fields | {missing: instead})
        del fields[missing]
        assert alice.rejection(fields)

    def test_unknown_foreign_and_wrong_kinds_are_rejected_alike(self, alice: Peer, bob: Peer) -> None:
        upload, cluster = alice.begin_csv(1), alice.cluster()
        foreign, foreign_cluster = bob.begin_csv(1)["uuid_input_file"], bob.cluster()
        nothing = (UNKNOWN, "", UNKNOWN.upper())
        for target, uuids in {
            "file_upload": (upload["uuid"], cluster, foreign, *nothing),
            "cluster": (upload["uuid"], upload["uuid_input_file"], foreign_cluster, *nothing),
        }.items():
            reasons = {alice.rejection({"token": alice.token, "uuid": uuid, "target": target}) for uuid in uuids}
            assert len(reasons) == 1

    def test_an_expired_token_is_rejected(self, server: Server, alice: Peer) -> None:
        upload = alice.begin_csv(1)
        expired = server.announced["expired_tokens"]["alice"]
        fields = {"token": expired, "uuid": upload["uuid_input_file"], "target": "file_upload"}
        assert alice.rejection(fields) == "the token has expired"

    def test_other_keys_and_binary_frames_are_fine(self, alice: Peer) -> None:
        uuid = alice.begin_csv(1)["uuid_input_file"]
        with alice.attach(uuid, more={"a": [1]}):
            pass
        with alice.open() as socket:
            socket.send(json.dumps({"token": alice.token, "uuid": uuid, "target": "file_upload"}).encode())
            assert json.loads(socket.recv(DEADLINE)) == {"success": 1}

    def test_a_silent_socket_is_closed(self) -> None:
        sent: list[Message] = []

        async def receive() -> Message:
            if sent:
                await asyncio.Event().wait()
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        limits = Settings(attach_timeout=1e-6)
        backend = Backend.create(load_dialect(), limits, Users([User("a", "b", "c")], 1.0))
        asyncio.run(SocketServer(backend)({"type": "websocket"}, receive, send))
        assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
        assert (sent[1]["code"], sent[1]["reason"]) == (1008, "no first message within 1e-06 seconds")

    def test_messages_before_acceptance_have_no_effect(self, alice: Peer) -> None:
        upload = alice.begin_csv(1)
        assert alice.rejection(alice.codec.encode_chunk(0, b"x"))
        with alice.open() as socket:
            socket.send(json.dumps({"token": "x", "uuid": upload["uuid_input_file"], "target": "file_upload"}))
            right = {"token": alice.token, "uuid": upload["uuid_input_file"], "target": "file_upload"}
            with contextlib.suppress(ConnectionClosed):  # the rejection may have ended the socket already
                socket.send(json.dumps(right))
                socket.send(alice.codec.encode_chunk(0, b"x"))
            assert json.loads(socket.recv(DEADLINE))["success"] is False
            assert closing(socket)[0] == 1008
        assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is False


class TestUploading:
    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        chunks=st.lists(st.tuples(st.integers(0, 20) | st.integers(0, 2**64 - 1), st.binary(max_size=20)), max_size=8)
    )
    def test_a_file_agrees_with_a_model(self, alice: Peer, chunks: list[tuple[int, bytes]]) -> None:
        size = 20
        upload = alice.begin_csv(size)
        content, mask = bytearray(size), np.zeros(size, dtype=bool)
        with alice.attach(upload["uuid_input_file"]) as socket:
            for position, data in chunks:
                fits = position + len(data) <= size
                assert (alice.put(socket, position, data) == "") == fits
                if fits:
                    content[position : position + len(data)] = data
                    mask[position : position + len(data)] = True
        assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is bool(mask.all())
        alice.ok("dataset.delete", uuid=upload["uuid"])

    def test_mistakes_leave_the_socket_usable(self, alice: Peer) -> None:
        upload = alice.begin_csv(4)
        with alice.attach(upload["uuid_input_file"]) as socket:
            for wrong in ("text", b"\xff\xff", b"\x12\x05ab", alice.codec.encode_chunk(1, b"abcd")):
                assert alice.put_raw(socket, wrong)
            assert alice.put(socket, 4, b"") == ""
            assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is False
            assert alice.put(socket, 0, b"a\n1\n") == ""
        assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is True

    def test_later_chunks_win_on_several_sockets(self, alice: Peer) -> None:
        upload = alice.begin_csv(6)
        file = upload["uuid_input_file"]
        with alice.attach(file) as one, alice.attach(file) as two:
            assert alice.put(one, 0, b"a\n9999") == ""
            assert alice.put(two, 2, b"12") == ""
            assert alice.put(one, 3, b"34\n") == ""
        alice.ok("csv.finalize", uuid=upload["uuid"], uuid_input_file=file)
        assert alice.column(upload["uuid"], "a") == [[134.0]]

    def test_pipelined_and_fragmented_messages_are_answered_in_order(self, alice: Peer) -> None:
        upload = alice.begin_csv(1000)
        with alice.attach(upload["uuid_input_file"]) as socket:
            for number in range(2000):
                message = alice.codec.encode_chunk(number, b"x")
                socket.send([message[:1], b"", message[1:]] if number % 3 == 0 else message)
            answers = [alice.codec.decode_acknowledgement(bytes(socket.recv(DEADLINE))) for _ in range(2000)]  # type: ignore[arg-type]
        assert [answer.success for answer in answers] == [number < 1000 for number in range(2000)]

    def test_chunks_after_a_delete_are_rejected(self, alice: Peer) -> None:
        upload = alice.begin_csv(4)
        with alice.attach(upload["uuid_input_file"]) as socket:
            alice.ok("dataset.delete", uuid=upload["uuid"])
            assert alice.put(socket, 0, b"x") == "the dataset was deleted"
        alice.rejection({"token": alice.token, "uuid": upload["uuid_input_file"], "target": "file_upload"})

    def test_a_message_above_the_limit_closes_with_1009(self, alice: Peer) -> None:
        upload = alice.begin_csv(4)
        with alice.attach(upload["uuid_input_file"]) as socket:
            socket.send(bytes(MAX_MESSAGE + 1))
            assert closing(socket)[0] == 1009

    def test_text_that_is_not_utf8_closes_with_1007(self, alice: Peer) -> None:
        upload = alice.begin_csv(4)
        with alice.attach(upload["uuid_input_file"]) as socket:
            socket.send(b"\xff", text=True)
            assert closing(socket)[0] == 1007


class TestClusters:
    def test_a_request_is_answered_by_each_output(self, alice: Peer) -> None:
        with alice.attach(alice.cluster(), "cluster") as socket:
            first = alice.io(socket, "first_input", [1, 2, 3, 4])
            second = alice.answer(socket)
        assert [(one.name, one.is_last, one.number_of_values) for one in (first, second)] == [
            ("first_output", False, 3),
            ("second_output", True, 2),
        ]
        assert first.process_type == ProcessType.REQUEST
        assert np.isfinite(first.values).all()

    def test_bricks_are_filled_in_any_order(self, alice: Peer) -> None:
        with alice.attach(alice.cluster(), "cluster") as socket:
            alice.io(socket, "second_input", [5], is_last=False)
            whole = [alice.io(socket, "first_input", [1, 2, 3, 0]).values, alice.answer(socket).values]
            answer = alice.io(socket, "first_input", [1, 2, 3, 0], is_last=False)
            assert (answer.name, answer.is_last, answer.process_type) == ("", False, ProcessType.REQUEST)
            assert answer.values.tolist() == [0.0]
            turned = [alice.io(socket, "second_input", [5]).values, alice.answer(socket).values]
        assert [part.tolist() for part in whole] == [part.tolist() for part in turned]

    def test_each_message_is_written_from_the_first_value_on(self, alice: Peer) -> None:
        with alice.attach(alice.cluster(), "cluster") as socket:
            whole = [alice.io(socket, "first_input", [4, 5, 3]).values, alice.answer(socket).values]
            alice.io(socket, "first_input", [1, 2, 3], is_last=False)
            later = [alice.io(socket, "first_input", [4, 5]).values, alice.answer(socket).values]
        assert [part.tolist() for part in whole] == [part.tolist() for part in later]

    def test_training_is_acknowledged_learned_and_kept(self, alice: Peer) -> None:
        uuid, values, expected = alice.cluster(), [1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0]
        with alice.attach(uuid, "cluster") as socket:
            before = alice.io(socket, "first_input", values).values
            untrained = alice.answer(socket).values
            for _ in range(20):
                answer = alice.io(socket, "first_input", values, is_last=False, process_type=TRAIN)
                assert (answer.name, answer.is_last, answer.process_type) == ("", False, TRAIN)
                answer = alice.io(socket, "first_output", expected, process_type=TRAIN)
                assert (answer.name, answer.is_last, answer.process_type) == ("", True, TRAIN)
        with alice.attach(uuid, "cluster") as socket:
            after = alice.io(socket, "first_input", values).values
            assert alice.answer(socket).values.shape == untrained.shape
            assert (alice.io(socket, "first_input", values).values == after).all()
            alice.answer(socket)
        assert np.abs(after - expected).max() < np.abs(before - expected).max() / 3

    @pytest.mark.parametrize(
        ("name", "fields", "code"),
        [
            pytest.param("nobody", {}, 1008, id="unknown brick"),
            pytest.param("", {}, 1008, id="no name"),
            pytest.param("first_output", {}, 1008, id="request to an output"),
            pytest.param("first_input", {"process_type": TRAIN}, 1008, id="nothing expected"),
            pytest.param("first_input", {"number_of_values": 2}, 1007, id="wrong count"),
            pytest.param("first_input", {"number_of_values": 2**64 - 1}, 1007, id="huge count"),
            pytest.param("first_input", {"process_type": 7}, 1007, id="unknown type"),
            pytest.param("first_input", {"process_type": -1}, 1007, id="negative type"),
            pytest.param("first_input", {"values": [1.0, float("nan")]}, 1007, id="NaN"),
            pytest.param("first_input", {"values": [float("-inf")]}, 1007, id="infinity"),
            pytest.param("first_input", {"values": [1.0] * 5}, 1007, id="too many values"),
        ],
    )
    def test_mistakes_close_the_socket_and_change_nothing(
        self, alice: Peer, name: str, fields: dict[str, object], code: int
    ) -> None:
        uuid = alice.cluster()
        with alice.attach(uuid, "cluster") as socket:
            before = alice.io(socket, "first_input", [1, 2]).values
            alice.answer(socket)
            message = {"values": [1.0], "is_last": True, **fields}
            socket.send(alice.codec.encode_io(name, **message))  # type: ignore[arg-type]
            found, reason = closing(socket)
            assert (found, bool(reason)) == (code, True)
        with alice.attach(uuid, "cluster") as socket:
            assert (alice.io(socket, "first_input", [1, 2]).values == before).all()

    @pytest.mark.parametrize("message", ["text", b"\xff", b"\x2a\x03abc"])
    def test_an_undecodable_message_closes_the_socket(self, alice: Peer, message: str | bytes) -> None:
        with alice.attach(alice.cluster(), "cluster") as socket:
            socket.send(message)
            assert closing(socket)[0] == 1007

    def test_task_mode_and_deleting_close_the_socket(self, alice: Peer) -> None:
        uuid = alice.cluster()
        with alice.attach(uuid, "cluster") as socket:
            alice.ok("cluster.set_mode", uuid=uuid, new_state="TASK")
            assert closing(socket) == (1000, "cluster was switched to task mode")
        first = {"token": alice.token, "uuid": uuid, "target": "cluster"}
        assert "not in the mode DIRECT" in alice.rejection(first)
        alice.ok("cluster.set_mode", uuid=uuid, new_state="DIRECT")
        with alice.attach(uuid, "cluster") as socket:
            alice.ok("cluster.delete", uuid=uuid)
            assert closing(socket) == (1008, "cluster was deleted")

    def test_one_socket_at_a_time(self, alice: Peer) -> None:
        uuid = alice.cluster()
        first = {"token": alice.token, "uuid": uuid, "target": "cluster"}
        with alice.attach(uuid, "cluster") as socket:
            assert "another websocket" in alice.rejection(first)
            alice.io(socket, "first_input", [1])
            alice.answer(socket)
        with alice.attach(uuid, "cluster"):
            pass

    def test_a_lost_socket_frees_its_place_and_its_values(self, alice: Peer) -> None:
        uuid = alice.cluster()
        with alice.attach(uuid, "cluster") as socket:
            clean = alice.io(socket, "first_input", [1]).values
            alice.answer(socket)
            alice.io(socket, "first_input", [1, 2, 3], is_last=False)
            # A reset, not a farewell.
            socket.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            socket.socket.shutdown(sockets.SHUT_RD)
            socket.close_socket()
        with alice.attach(uuid, "cluster") as socket:
            assert (alice.io(socket, "first_input", [1]).values == clean).all()


HEAD = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\0" * 100,
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        f"GET / HTTP/1.1\r\n{HEAD}\r\n".encode(),
        f"GET / HTTP/1.1\r\n{HEAD}{KEY.replace('13', '99')}\r\n".encode(),
        f"GET / HTTP/1.1\r\n{HEAD}{KEY.replace('dGhl', '####')}\r\n".encode(),
        f"GET /{'a' * 9000} HTTP/1.1\r\n{HEAD}{KEY}\r\n".encode(),
        f"GET / HTTP/1.1\r\n{HEAD}{KEY}{'X: y' * 3000}\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\n{HEAD}{KEY}{''.join(f'X{i}: y' + chr(13) + chr(10) for i in range(200))}\r\n".encode(),
        f"GET / HTTP/1.1\r\n{HEAD}{KEY}X: ".encode() + b"\xff\r\n\r\n",
        f"POST / HTTP/1.1\r\n{HEAD}{KEY}\r\n".encode(),
    ],
    ids=range(14),
)
def test_raw_requests_get_no_5xx(server: Server, request_bytes: bytes) -> None:
    with ending(sockets.create_connection(("127.0.0.1", server.port), DEADLINE)) as connection:
        connection.sendall(request_bytes)
        answer = connection.recv(4096)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101")), answer


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(b"\x83\x80\0\0\0\0", 1002, id="unknown opcode"),
        pytest.param(b"\xf2\x80\0\0\0\0", 1002, id="reserved bits"),
        pytest.param(b"\x82\x01a", 1002, id="not masked"),
        pytest.param(b"\x80\x80\0\0\0\0", 1002, id="continuation of nothing"),
        pytest.param(b"\x82\xff" + b"\xff" * 8 + bytes(500_000), 1009, id="huge"),
    ],
)
def test_violations_of_the_websocket_protocol_are_reported(server: Server, frame: bytes, code: int) -> None:
    answer = raw_answer(server, frame)
    assert (answer[0], int.from_bytes(answer[2:4], "big")) == (0x88, code)


def raw_answer(server: Server, frames: bytes) -> bytes:
    """Everything that the server sends after its handshake until it ends the connection."""
    with ending(sockets.create_connection(("127.0.0.1", server.port), DEADLINE)) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\n{HEAD}{KEY}\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        connection.sendall(frames)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer


NO_MASK = b"\0\0\0\0"


@pytest.mark.parametrize("kind", [b"\x01", b"\x02"], ids=["text", "binary"])
@pytest.mark.parametrize("close", [b"\x03\xe8", b"\x03\xe9bye", b""], ids=["1000", "1001 with a reason", "no code"])
def test_a_close_between_fragments_is_answered_alike(server: Server, kind: bytes, close: bytes) -> None:
    def masked(first: bytes, payload: bytes) -> bytes:
        return first + bytes([0x80 | len(payload)]) + NO_MASK + payload

    frames = masked(kind, b"begun") + masked(b"\x00", b"more") + masked(b"\x88", close) + masked(b"\x80", b"late")
    # RFC 6455: control frames may stand between fragments (5.4), a close is answered by its own code (5.5.1).
    assert raw_answer(server, frames) == bytes([0x88, len(close)]) + close


def test_a_flood_that_is_never_read_blocks_nobody(alice: Peer) -> None:
    upload = alice.begin_csv(4)
    with alice.attach(upload["uuid_input_file"]) as flood:
        flood.socket.settimeout(0.2)
        burst = (b"\x82\x82\0\0\0\0\x08\x05" + b"\x89\x84\0\0\0\0ping") * 20_000
        with pytest.raises(TimeoutError):
            flood.socket.sendall(burst * 100)
        other = alice.begin_csv(4)
        with alice.attach(other["uuid_input_file"]) as socket:
            assert alice.put(socket, 0, b"a\n1\n") == ""
        flood.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        flood.close_socket()


def test_the_log_holds_no_secrets(server: Server, alice: Peer) -> None:
    alice.call("token.create", id="alice", password="wrong-password")
    alice.rejection({"token": alice.token, "uuid": UNKNOWN, "target": "file_upload"})
    for secret in (*PASSWORDS.values(), "wrong-password", alice.token):
        assert secret not in server.log()
