"""TCP connections as IP packets (RFC 791, 8200, 9293), with sequence numbers and checksums as a capture has them."""

from __future__ import annotations

import socket
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

SEGMENT = 32_768  # bytes of data in one packet; the loopback interface carries as much
WINDOW, WINDOW_SCALE = 0xFFFF, 8
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
HOP_LIMIT = 64
_TCP_HEADER = 20
_SEQUENCE_NUMBERS = 1 << 32

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Packet:
    """One IP packet.

    Attributes:
        data: Bytes of the packet.
        comment: Note for people, may be empty.
    """

    data: bytes
    comment: str = ""


@dataclass
class Endpoint:
    """One end of a connection.

    Attributes:
        address: IP address.
        port: TCP port.
        next: Sequence number of the next byte that it sends.
    """

    address: Address
    port: int
    next: int = 0


class TcpConnection:
    """Builds the packets of a connection.

    Args:
        client: End that opens the connection.
        server: The other end.
        first_sequence: Sequence number with which both begin.
    """

    def __init__(self, client: Endpoint, server: Endpoint, first_sequence: int) -> None:
        self._client, self._server = client, server
        client.next = server.next = first_sequence % _SEQUENCE_NUMBERS
        self._packets = 0

    def open(self, comment: str = "") -> Iterator[Packet]:
        """Open the connection."""
        yield self._segment(self._client, SYN, comment=comment)
        yield self._segment(self._server, SYN | ACK)
        yield self._segment(self._client, ACK)

    def refuse(self, comment: str = "") -> Iterator[Packet]:
        """Try to open the connection at a port that accepts none."""
        yield self._segment(self._client, SYN, comment=comment)
        self._server.next = 0
        yield self._segment(self._server, RST | ACK)

    def send(self, data: bytes, *, from_client: bool, comment: str = "") -> Iterator[Packet]:
        """Send bytes, which the other end acknowledges.

        Args:
            data: Bytes; none make no packet.
            from_client: Whether the client sends them.
            comment: Note at the first packet.
        """
        sender, receiver = self._ends(from_client=from_client)
        for begin in range(0, len(data), SEGMENT):
            end = begin + SEGMENT
            flags = ACK | PSH if end >= len(data) else ACK
            yield self._segment(sender, flags, data[begin:end], "" if begin else comment)
        if data:
            yield self._segment(receiver, ACK)

    def finish(self, *, from_client: bool, comment: str = "") -> Iterator[Packet]:
        """End one direction of the connection."""
        sender, receiver = self._ends(from_client=from_client)
        yield self._segment(sender, FIN | ACK, comment=comment)
        yield self._segment(receiver, ACK)

    def reset(self, *, from_client: bool, comment: str = "") -> Iterator[Packet]:
        """End the connection abruptly."""
        yield self._segment(self._ends(from_client=from_client)[0], RST | ACK, comment=comment)

    def _ends(self, *, from_client: bool) -> tuple[Endpoint, Endpoint]:
        return (self._client, self._server) if from_client else (self._server, self._client)

    def _segment(self, sender: Endpoint, flags: int, data: bytes = b"", comment: str = "") -> Packet:
        receiver = self._server if sender is self._client else self._client
        options = struct.pack("!BBHBBBB", 2, 4, SEGMENT, 1, 3, 3, WINDOW_SCALE) if flags & SYN else b""
        length = _TCP_HEADER + len(options)
        acknowledged = receiver.next if flags & ACK else 0
        header = struct.pack(
            "!HHIIBBHHH",
            *(sender.port, receiver.port, sender.next, acknowledged, length // 4 << 4, flags, WINDOW, 0, 0),
        )
        segment = header + options + data
        checksum = _checksum(_pseudo_header(sender.address, receiver.address, len(segment)) + segment)
        segment = segment[:16] + struct.pack("!H", checksum) + segment[18:]
        sender.next = (sender.next + len(data) + bool(flags & (SYN | FIN))) % _SEQUENCE_NUMBERS
        self._packets += 1
        return Packet(_ip_header(sender.address, receiver.address, len(segment), self._packets) + segment, comment)


def _ip_header(source: Address, destination: Address, size: int, identification: int) -> bytes:
    if isinstance(source, IPv6Address):
        return struct.pack("!IHBB", 6 << 28, size, socket.IPPROTO_TCP, HOP_LIMIT) + source.packed + destination.packed
    do_not_fragment = 0x4000
    fields = (0x45, 0, 20 + size, identification & 0xFFFF, do_not_fragment, HOP_LIMIT, socket.IPPROTO_TCP, 0)
    header = struct.pack("!BBHHHBBH", *fields) + source.packed + destination.packed
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:]


def _pseudo_header(source: Address, destination: Address, size: int) -> bytes:
    return source.packed + destination.packed + struct.pack("!II", size, socket.IPPROTO_TCP)


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    words = array("H", data if len(data) % 2 == 0 else data + b"\0")
    total = sum(words)
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return socket.htons(~total & 0xFFFF)  # the sum does not depend on the order of bytes, the result does
