"""Exchanges as a packet capture, which Wireshark opens: packets synthesised from the recorded events."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import IO

from hanami_reports.common.text import one_line
from hanami_reports.common.websocket_frames import BINARY, CLOSE, TEXT, encode_frame
from hanami_reports.conformance.export.exchanges import UNKNOWN_TIME, Exchange, RecordedRun
from hanami_reports.conformance.export.http_message import HttpHead, message_bytes
from hanami_reports.conformance.export.packets import Address, Endpoint, Packet, TcpConnection
from hanami_reports.conformance.export.pcapng import PcapngWriter
from hanami_reports.conformance.recorded_bytes import event_bytes, frame_bytes
from hanami_reports.model.conformance import Event

NOTE = (
    "Packets synthesised from recorded messages. Secrets are redacted: payloads and lengths are those of the redacted "
    "text, and messages of more than 1 MiB end after it. Masking keys are zero. A message received in several frames "
    "is one frame; answers to pings are left out; the ends of TCP connections are inferred."
)
PLAIN_TEXT_NOTE = " The connections were encrypted (TLS); this is their plain text."
PORTS = {"http": 80, "https": 443}
# Of the client, one for each connection. Wireshark takes lower ones for those of known services.
FIRST_PORT, LAST_PORT = 49_152, 65_535
# Addresses of documentation stand for a server that is named, and for its client (RFC 5737).
NAMED_SERVER, REMOTE_CLIENT = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
NAMED_CLIENT_V6 = IPv6Address("2001:db8::2")
_OPCODES = {"text": TEXT, "binary": BINARY, "close": CLOSE}


def write_capture(run: RecordedRun, file: IO[bytes]) -> None:
    """Write the packets of a run in the format pcapng."""
    address = run.target
    host = address.hostname or ""
    server, client = _addresses(host)
    is_encrypted = address.scheme == "https"
    port = address.port or PORTS.get(address.scheme, PORTS["http"])
    if is_encrypted and port == PORTS["https"]:
        port = PORTS["http"]  # else Wireshark takes the plain text for TLS
    writer = PcapngWriter(
        file,
        UNKNOWN_TIME,
        f"hanami-conformance {run.manifest.get('suite', '')}",
        NOTE + (PLAIN_TEXT_NOTE if is_encrypted else ""),
    )
    if server is NAMED_SERVER:
        writer.name(server, host)
    connections = 0
    for exchange in run.exchanges:
        streams: dict[str, _Stream] = {}
        refused = {event.channel for event in exchange.events if event.kind == "refused"}
        for index, event in enumerate(exchange.events):
            if event.channel in refused and event.kind != "refused":
                continue  # recorded before the connection was tried
            if event.channel not in streams:
                client_port = FIRST_PORT + connections % (LAST_PORT - FIRST_PORT)
                client_port += client_port >= port  # both ends may have the same address
                ends = Endpoint(client, client_port), Endpoint(server, port)
                streams[event.channel] = _Stream(TcpConnection(*ends, first_sequence=connections << 16), exchange)
                connections += 1
            for packet in streams[event.channel].packets(event, violates=index == exchange.violating):
                writer.packet(exchange.time(event), packet)


def _addresses(host: str) -> tuple[Address, Address]:
    """Return the address of the server and one for its client."""
    try:
        server: Address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return NAMED_SERVER, REMOTE_CLIENT
    if server.is_loopback:
        return server, server
    return server, REMOTE_CLIENT if isinstance(server, IPv4Address) else NAMED_CLIENT_V6


class _Stream:
    """The packets of one connection."""

    def __init__(self, tcp: TcpConnection, exchange: Exchange) -> None:
        self._tcp = tcp
        self._exchange = exchange
        self._is_open = False
        self._is_websocket = False
        self._finished: set[bool] = set()  # whether the client, and whether the server, has ended its direction
        self._sent_close: set[bool] = set()  # likewise, the websocket

    def packets(self, event: Event, *, violates: bool) -> Iterator[Packet]:
        """Return the packets of the next event."""
        comment = one_line(event.summary)
        if violates:
            comment = f"VIOLATES {', '.join(self._exchange.case.violated)}: {comment}"
        title = f"{self._exchange.title}: {event.channel}"
        if event.kind == "refused":
            yield from self._tcp.refuse(f"{title}: {comment}")
            return
        self._is_websocket |= event.kind == "open"
        if not self._is_open:
            self._is_open = True
            yield from self._tcp.open(title)
        if event.direction == "note" or event.kind in ("reset", "end"):
            yield from self._end(event, comment)
        else:
            yield from self._message(event, comment)

    def _message(self, event: Event, comment: str) -> Iterator[Packet]:
        from_client = event.direction == "sent"
        yield from self._tcp.send(self._bytes(event), from_client=from_client, comment=comment)
        if event.kind == "close":
            yield from self._close(event, from_client=from_client)
        elif event.kind == "http" and not from_client:
            yield from self._finish(from_client=True)
            yield from self._finish(from_client=False)

    def _bytes(self, event: Event) -> bytes:
        """Return the bytes of a message on the wire."""
        data = event_bytes(event)
        if event.kind == "http" or event.head:
            return message_bytes(HttpHead.of(event), data)
        if event.kind in _OPCODES and self._is_websocket:
            is_masked = event.direction == "sent"
            return frame_bytes(event) or encode_frame(_OPCODES[event.kind], data, masked=is_masked)
        return data if event.kind == "raw" else b""

    def _close(self, event: Event, *, from_client: bool) -> Iterator[Packet]:
        """Answer a close frame, and end the connection when both sides have sent one."""
        self._sent_close.add(from_client)
        if not from_client and True not in self._sent_close:
            self._sent_close.add(True)
            echo = encode_frame(CLOSE, event_bytes(event)[:2], masked=True)
            yield from self._tcp.send(echo, from_client=True)
        if len(self._sent_close) == 2:
            yield from self._finish(from_client=False)
            yield from self._finish(from_client=True)

    def _end(self, event: Event, comment: str) -> Iterator[Packet]:
        from_client = event.direction == "note" and event.kind != "end"
        if event.kind == "reset":
            self._finished = {True, False}
            yield from self._tcp.reset(from_client=from_client, comment=comment)
        elif event.kind == "timeout" and self._is_websocket:
            return  # the client may go on
        elif event.kind in ("end", "half-close", "timeout"):
            yield from self._finish(from_client=from_client, comment=comment)

    def _finish(self, *, from_client: bool, comment: str = "") -> Iterator[Packet]:
        if from_client not in self._finished:
            self._finished.add(from_client)
            yield from self._tcp.finish(from_client=from_client, comment=comment)
