"""A client that sends the bytes of the Python clients of released servers, and reads the answers as they do.

It shares no code with the suite or the reference backend: bodies and messages come from a data file for each release.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from string import Template
from typing import Any

from websockets.sync.client import ClientConnection, connect

from support.paths import ROOT

FOLDER = ROOT / "tests" / "reference_backend" / "sdk"
RELEASES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
TIMEOUT = 20.0  # seconds; reached only by a defect
REPORTED = (400, 401, 404, 409, 500)  # statuses that the clients raise an exception for; others they do not expect
INPUT, EXPECTED = 0, 2
REQUEST, TRAIN = 0, 1


class SdkError(Exception):
    """An exception of the client, with the status of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


def release(name: str) -> dict[str, Any]:
    """Return the data of a release by the name of its dialect."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


class SdkClient:
    """The client of one release.

    Args:
        name: Name of the dialect.
        url: Address of the server.
        user: User who logs in.
        password: Password of the user.
    """

    def __init__(self, name: str, url: str, user: str, password: str) -> None:
        self.data = release(name)
        self._address = url.removeprefix("http://")
        self._io = self.data["io"]
        coded = base64.b64encode(password.encode()).decode()
        body = Template(self.data["login"]["body"]).substitute(id=user, password=password, password_base64=coded)
        headers = {"Content-Type": "application/json"}  # only here
        self.token = json.loads(self._send("POST", self.data["login"]["path"], body, headers))["token"]

    def call(self, operation: str, **words: object) -> bytes:
        """Return the body of the answer to a call, uninterpreted."""
        method, path, text = self.data["rest"][operation]
        content = Template(text).substitute(words)
        headers = {"X-Auth-Token": self.token}
        if method in ("GET", "DELETE"):
            return self._send(method, f"{path}?{content}" if content else path, None, headers)
        return self._send(method, path, content, headers)

    def answer(self, operation: str, **words: object) -> Any:
        """Return the JSON of the answer to a call."""
        return json.loads(self.call(operation, **words))

    def _send(self, method: str, target: str, body: str | None, headers: dict[str, str]) -> bytes:
        connection = HTTPConnection(self._address, timeout=TIMEOUT)
        try:
            connection.request(method, target, body, {"Accept": "*/*", **headers})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status in REPORTED:
            raise SdkError(response.status)
        assert response.status == 200, response.status
        return content

    def upload(self, kind: str, name: str, contents: Sequence[bytes]) -> str:
        """Upload files as a dataset, and return its uuid."""
        sizes = dict(zip(("input_size", "label_size"), map(len, contents), strict=False))
        answer = self.answer(f"{kind}_init", name=name, **sizes)
        uuid = answer["uuid"]
        files = {role: answer[f"uuid_{role}"] for role, _ in zip(("input_file", "label_file"), contents, strict=False)}
        for file_uuid, content in zip(files.values(), contents, strict=True):
            self.send_file(file_uuid, content)
        while not self.answer("progress", uuid=uuid)["complete"]:
            time.sleep(self.data["socket"]["poll_seconds"])
        self.answer(f"{kind}_finalize", uuid=uuid, **files)
        return str(uuid)

    def send_file(self, uuid: str, content: bytes) -> None:
        """Send a file chunk by chunk; the acknowledgements are received, and not read."""
        size = self.data["socket"]["chunk_size"]
        with self.attach("upload", uuid) as socket:
            for number in range(math.ceil(len(content) / size)):
                start = number * size
                socket.send(chunk_message(start, content[start : start + size]))
                socket.recv(TIMEOUT)

    @contextmanager
    def attach(self, target: str, uuid: str) -> Iterator[ClientConnection]:
        """Open an attached websocket."""
        with connect(f"ws://{self._address}", open_timeout=TIMEOUT, max_size=None) as socket:
            socket.send(Template(self.data["socket"][target]).substitute(token=self.token, uuid=uuid))
            answer = json.loads(socket.recv(TIMEOUT))
            assert answer["success"] is not False
            yield socket

    def create_cluster(self, name: str) -> str:
        """Create a cluster from the template of the release, and return its uuid."""
        template = base64.b64encode(self.data["template"].encode("ascii")).decode("ascii")
        return str(self.answer("cluster_create", name=name, template=template)["uuid"])

    def train(self, socket: ClientConnection, inputs: Sequence[float], expected: Sequence[float]) -> None:
        """Train once; the answers are received, and not read."""
        for name, values, target, is_last in (
            (self._io["input"], inputs, INPUT, False),
            (self._io["output"], expected, EXPECTED, True),
        ):
            socket.send(self.io_message(name, values, target, TRAIN, is_last=is_last))
            socket.recv(TIMEOUT)

    def request(self, socket: ClientConnection, inputs: Sequence[float]) -> list[float]:
        """Return the values of the one message that answers a request."""
        socket.send(self.io_message(self._io["input"], inputs, INPUT, REQUEST, is_last=True))
        answer = socket.recv(TIMEOUT)
        assert isinstance(answer, bytes)
        return packed_floats(answer, self._io["values"])

    def io_message(self, name: str, values: Sequence[float], target: int, process_type: int, *, is_last: bool) -> bytes:
        """Return a ClusterIO_Message, its fields in the order of their numbers, those of the value 0 left out."""
        fields = self._io
        parts = {fields["name"]: bytes_field(fields["name"], name.encode())}
        numbers = {"is_last": is_last, "process_type": process_type, "number_of_values": len(values)}
        if "target_buffer" in fields:
            numbers["target_buffer"] = target
        parts |= {fields[key]: number_field(fields[key], int(number)) for key, number in numbers.items()}
        parts[fields["values"]] = bytes_field(fields["values"], struct.pack(f"<{len(values)}f", *values))
        return b"".join(parts[number] for number in sorted(parts))

    def uuids(self, kind: str) -> list[str]:
        """Return the uuids in a list, read by the number of their column."""
        return [row[self.data["uuid_column"]] for row in self.answer(f"{kind}_list")["body"]]

    def delete_all(self, kind: str) -> None:
        """Delete all datasets or clusters of a list."""
        for uuid in self.uuids(kind):
            self.call(f"{kind}_delete", uuid=uuid)


def chunk_message(position: int, data: bytes) -> bytes:
    """Return a FileUpload_Message."""
    return number_field(1, position) + bytes_field(2, data)


def varint(number: int) -> bytes:
    """Return a protobuf number: seven bits a byte, the least first."""
    *more, last = [number >> shift & 0x7F for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes([*(part | 0x80 for part in more), last])


def number_field(field: int, number: int) -> bytes:
    """Return a field of a number, nothing for 0."""
    return varint(field << 3) + varint(number) if number else b""


def bytes_field(field: int, data: bytes) -> bytes:
    """Return a field of bytes, nothing for none."""
    return varint(field << 3 | 2) + varint(len(data)) + data if data else b""


def packed_floats(message: bytes, field: int) -> list[float]:
    """Return the packed floats of a field of a message that has numbers and bytes only."""
    place = 0
    while place < len(message):
        tag, place = read_varint(message, place)
        length, place = read_varint(message, place)
        if tag & 7 == 2:
            data, place = message[place : place + length], place + length
            if tag >> 3 == field:
                return list(struct.unpack(f"<{length // 4}f", data))
    return []


def read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Return the protobuf number at a place, and the place after it."""
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
