"""The file format of packet captures, pcapng (draft-ietf-opsawg-pcapng), as far as IP packets with comments need it."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from typing import IO

from hanami_reports.conformance.export.packets import Address, Packet

SECTION, INTERFACE, NAMES, PACKET = 0x0A0D0D0A, 1, 4, 6  # types of blocks
BYTE_ORDER = 0x1A2B3C4D
IP = 101  # LINKTYPE_RAW: the packets begin with their IP header
END_OF_OPTIONS, COMMENT, PROGRAM = 0, 1, 4  # options; the last one of a section
END_OF_NAMES, IPV4_NAME, IPV6_NAME = 0, 1, 2
COMMENT_LIMIT = 2_000  # bytes
_MICROSECOND = timedelta(microseconds=1)


class PcapngWriter:
    """Writes packets to a file.

    Args:
        file: File open for writing.
        epoch: Time to which the times of packets are relative, 1970 in UTC.
        program: Name and version of the program that made the packets.
        comment: Note on the whole file.
    """

    def __init__(self, file: IO[bytes], epoch: datetime, program: str, comment: str) -> None:
        self._file = file
        self._epoch = epoch
        options = _option(COMMENT, comment) + _option(PROGRAM, program) + _option(END_OF_OPTIONS, "")
        self._block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1) + options)
        self._block(INTERFACE, struct.pack("<HHI", IP, 0, 0))

    def name(self, address: Address, name: str) -> None:
        """Give an address a name, before its first packet."""
        kind = IPV4_NAME if address.version == 4 else IPV6_NAME
        record = address.packed + name.encode("utf-8", "replace") + b"\0"
        self._block(
            NAMES, struct.pack("<HH", kind, len(record)) + _padded(record) + struct.pack("<HH", END_OF_NAMES, 0)
        )

    def packet(self, time: datetime, packet: Packet) -> None:
        """Write a packet."""
        moment = max((time - self._epoch) // _MICROSECOND, 0)
        head = struct.pack("<IIIII", 0, moment >> 32, moment & 0xFFFFFFFF, len(packet.data), len(packet.data))
        options = _option(COMMENT, packet.comment) + _option(END_OF_OPTIONS, "") if packet.comment else b""
        self._block(PACKET, head + _padded(packet.data) + options)

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + length + body + length)


def _option(code: int, text: str) -> bytes:
    value = text.encode("utf-8", "backslashreplace")[:COMMENT_LIMIT].decode("utf-8", "ignore").encode()
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
