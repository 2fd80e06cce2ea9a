"""A packet capture is read back by other code: blocks, packets, checksums, sequence numbers, and messages."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import h11
import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from hanami_reports.common.websocket_frames import BINARY, encode_frame
from hanami_reports.conformance.export.capture import write_capture
from hanami_reports.conformance.export.exchanges import recorded_run
from hanami_reports.model.conformance import RunResult
from support.conformance_results import hostile, large, mixed
from support.recorded_exchanges import FIRST_MESSAGE, recorded_result

FIN, SYN, RST, ACK = 1, 2, 4, 16


@dataclass(frozen=True)
class Segment:
    """A TCP segment, as it was captured."""

    time: float
    source: tuple[str, int]
    destination: tuple[str, int]
    sequence: int
    acknowledged: int
    flags: int
    data: bytes
    comment: str

    @property
    def connection(self) -> frozenset[tuple[str, int]]:
        return frozenset({self.source, self.destination})


def capture(result: RunResult) -> bytes:
    file = io.BytesIO()
    write_capture(recorded_run(result, "result.json"), file)
    return file.getvalue()


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each block; the lengths at both ends must agree."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        yield kind, data[at + 8 : at + length - 4]
        at += length
    assert at == len(data)


def options(data: bytes) -> dict[int, str]:
    found, at = {}, 0
    while at < len(data):
        code, length = struct.unpack_from("<HH", data, at)
        found[code] = data[at + 4 : at + 4 + length].decode()
        at += 4 + (length + 3) // 4 * 4
    return found


def sums_to_ones(data: bytes) -> bool:
    """Whether the sum of 16-bit words with the checksum among them is all ones (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def segment(time: float, packet: bytes, comment: str) -> Segment:
    if packet[0] >> 4 == 4:
        assert struct.unpack_from("!H", packet, 2)[0] == len(packet)
        assert sums_to_ones(packet[:20])
        addresses, protocol, payload = packet[12:20], packet[9], packet[20:]
    else:
        assert struct.unpack_from("!H", packet, 4)[0] == len(packet) - 40
        addresses, protocol, payload = packet[8:40], packet[6], packet[40:]
    assert protocol == 6
    assert sums_to_ones(addresses + struct.pack("!HHI", 0, protocol, len(payload)) + payload)
    half = len(addresses) // 2
    source, destination = str(ip_address(addresses[:half])), str(ip_address(addresses[half:]))
    ports = struct.unpack_from("!HH", payload)
    sequence, acknowledged, offset, flags = struct.unpack_from("!IIBB", payload, 4)
    ends = (source, ports[0]), (destination, ports[1])
    return Segment(time, *ends, sequence, acknowledged, flags, payload[offset >> 4 << 2 :], comment)


def segments(data: bytes) -> list[Segment]:
    found = []
    for kind, body in blocks(data):
        if kind == 6:
            _, high, low, captured, size = struct.unpack_from("<IIIII", body)
            assert captured == size
            comment = options(body[20 + (captured + 3) // 4 * 4 :]).get(1, "")
            found.append(segment(((high << 32) + low) / 1e6, body[20 : 20 + captured], comment))
    return found


@dataclass
class Stream:
    """One connection: what each side sent, in the order of the sequence numbers, and how it ended."""

    comment: str
    sent: bytes = b""
    received: bytes = b""
    end: str = "open"


def streams(data: bytes) -> dict[str, Stream]:
    """The connections by the names in their first comments. Every sequence number must be the right one."""
    found: dict[str, Stream] = {}
    current: dict[frozenset[tuple[str, int]], tuple[Stream, dict[tuple[str, int], int], tuple[str, int]]] = {}
    for one in segments(data):
        if one.flags & SYN and not one.flags & ACK:
            stream = Stream(one.comment)
            found[one.comment.split(": ")[1]] = stream
            current[one.connection] = stream, {one.source: one.sequence + 1}, one.source
            continue
        stream, following, client = current[one.connection]
        if one.flags & SYN:
            following[one.source] = one.sequence
        if one.flags & RST:
            stream.end = "reset by the client" if one.source == client else "reset by the server"
            continue
        assert one.sequence == following[one.source]
        assert one.acknowledged == following.get(one.destination)
        following[one.source] += len(one.data) + bool(one.flags & (SYN | FIN))
        if one.source == client:
            stream.sent += one.data
        else:
            stream.received += one.data
        if one.flags & FIN:
            stream.end = f"{stream.end}, client" if one.source == client else f"{stream.end}, server"
    return found


@pytest.mark.parametrize("result", [recorded_result(), mixed(), hostile(), large(50, 30)])
def test_packets_have_right_checksums_and_sequence_numbers(result: RunResult) -> None:
    data = capture(result)
    assert len(segments(data)) > 10
    assert streams(data)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://[::1]:1", "http://[2001:db8::1]:1", "http://localhost:1"]
)
def test_addresses_are_those_of_the_target(url: str) -> None:
    result = recorded_result()
    result = replace(result, manifest={**result.manifest, "target": {"url": url}})
    host = "127.0.0.1" if "localhost" in url else url.removeprefix("http://").removesuffix(":1").strip("[]")
    assert {one.destination for one in segments(capture(result)) if one.flags == SYN} == {(host, 1)}
    assert streams(capture(result))


def test_a_target_with_a_name_has_an_address_of_documentation_with_that_name() -> None:
    names = [body for kind, body in blocks(capture(recorded_result())) if kind == 4]
    assert names == [struct.pack("<HH4s3sxHH", 1, 6, ip_address("192.0.2.1").packed, b"h\0", 0, 0)]


def test_the_plain_text_of_tls_is_not_at_the_port_of_tls() -> None:
    result = recorded_result()
    result = replace(result, manifest={**result.manifest, "target": {"url": "https://h"}})
    assert {one.destination[1] for one in segments(capture(result)) if one.flags == SYN} == {80}


def test_times_are_those_of_the_clock() -> None:
    first = segments(capture(recorded_result()))[0]
    assert first.time == pytest.approx(1767323045.223456, abs=1e-6)


def test_the_file_says_that_secrets_are_redacted() -> None:
    kind, body = next(blocks(capture(recorded_result())))
    assert kind == 0x0A0D0D0A
    assert "Secrets are redacted: payloads and lengths are those of the redacted text" in options(body[16:])[1]


def test_http_messages_are_whole() -> None:
    call = streams(capture(recorded_result()))["rest-1"]
    server, client = h11.Connection(h11.SERVER), h11.Connection(h11.CLIENT)
    server.receive_data(call.sent)
    request, body, end = (server.next_event() for _ in range(3))
    assert isinstance(request, h11.Request)
    assert isinstance(body, h11.Data)
    assert (request.method, request.target, bytes(body.data)) == (b"POST", b"/v1/csv/dataset?a=b+c", b'{"a": 1}')
    assert (b"x-auth-token", b"[token of the first user]") in list(request.headers)
    assert isinstance(end, h11.EndOfMessage)
    client.send(h11.Request(method="POST", target="/", headers=[("Host", "h"), ("Content-Length", "0")]))
    client.receive_data(call.received)
    answer, body = client.next_event(), client.next_event()
    assert isinstance(answer, h11.Response)
    assert isinstance(body, h11.Data)
    assert (answer.status_code, bytes(body.data)) == (200, b'{"uuid": "u"}')
    assert call.end == "open, client, server"


def test_a_chunked_body_is_chunked() -> None:
    call = streams(capture(recorded_result()))["rest-2"]
    assert call.received.endswith(b"\r\n\r\n2\r\n\xff\x00\r\n0\r\n\r\n")


def test_connections_end_as_they_did() -> None:
    ends = {name: stream.end for name, stream in streams(capture(recorded_result())).items()}
    assert ends == {
        "rest-1": "open, client, server",
        "rest-2": "open, client, server",
        "rest-3": "open, client",
        "rest-4": "reset by the server",
        "ws-1": "open, server, client",
        "tcp-1": "open, client, server",
        "tcp-2": "open",
        "ws-2": "reset by the server",
    }


def test_a_refused_connection_carries_nothing() -> None:
    refused = streams(capture(recorded_result()))["rest-4"]
    assert (refused.sent, refused.received) == (b"", b"")


def test_a_websocket_has_its_handshake_and_its_frames() -> None:
    socket = streams(capture(recorded_result()))["ws-1"]
    request, end, messages = socket.sent.partition(b"\r\n\r\n")
    server = ServerProtocol(max_size=None)
    server.receive_data(request + end)
    (handshake,) = server.events_received()
    assert isinstance(handshake, Request)
    server.send_response(server.accept(handshake))
    server.receive_data(messages)
    assert server.parser_exc is None
    sent = [event for event in server.events_received() if isinstance(event, Frame)]
    assert [(frame.opcode, len(frame.data), frame.fin) for frame in sent] == [
        (Opcode.TEXT, len(FIRST_MESSAGE), True),
        (Opcode.BINARY, 1 << 20, True),
        (Opcode.BINARY, 2, False),
        (Opcode.PING, 7, True),
        (Opcode.CONT, 2, True),
        (Opcode.CLOSE, 2, True),
    ]
    assert bytes(sent[0].data) == FIRST_MESSAGE
    head, _, rest = socket.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert rest.startswith(b"\x82\x0e" + b'{"success": 1}')
    assert rest.endswith(b"\x88\x04\x03\xf0no")


def test_bytes_outside_the_protocol_are_as_they_were() -> None:
    found = streams(capture(recorded_result()))
    assert found["tcp-1"].sent == b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    assert found["tcp-2"].sent == b"\xff\xfe"
    assert found["ws-2"].sent.endswith(b"\r\n\r\n\x83\x80\x00\x00\x00\x00")


def test_the_violating_message_is_marked() -> None:
    marked = [one.comment for one in segments(capture(recorded_result())) if one.comment.startswith("VIOLATES")]
    assert marked == ["VIOLATES DATA-2: close 1008 'no'"]


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_are_those_of_the_standard(length: int) -> None:
    payload = bytes(index % 251 for index in range(length))
    frame = Frame(Opcode.BINARY, payload)
    assert encode_frame(BINARY, payload, masked=False) == frame.serialize(mask=False)
    masked = encode_frame(BINARY, payload, masked=True)
    assert len(masked) == len(frame.serialize(mask=True))
    assert masked.endswith(payload)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_dissects_it(tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    file.write_bytes(capture(recorded_result()))
    fields = ["_ws.col.Protocol", "http.request.method", "http.response.code", "websocket.opcode"]
    shown = subprocess.run(
        ["tshark", "-r", str(file), "-Y", "http or websocket", "-T", "fields", *(f"-e{field}" for field in fields)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    assert [line.split("\t") for line in shown] == [
        ["HTTP/JSON", "POST", "", ""],
        ["HTTP/JSON", "", "200", ""],
        ["HTTP", "GET", "", ""],
        ["HTTP", "", "404", ""],
        ["HTTP", "GET", "", ""],
        ["HTTP", "GET", "", ""],
        ["HTTP", "", "101", ""],
        ["WebSocket", "", "", "1"],
        ["WebSocket", "", "", "2"],
        ["WebSocket", "", "", "2"],
        ["WebSocket", "", "", "2"],
        ["WebSocket", "", "", "2,9,0"],
        ["WebSocket", "", "", "8"],
        ["WebSocket", "", "", "8"],
        ["HTTP", "GET", "", ""],
        ["HTTP", "", "400", ""],
        ["HTTP", "GET", "", ""],
        ["HTTP", "", "101", ""],
        ["WebSocket", "", "", "3"],
    ]
