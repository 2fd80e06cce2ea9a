"""A reference backend in a process of its own, and its clients."""

from __future__ import annotations

import base64
import itertools
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

import httpx
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from hanami_proto.codec import BrickMessage, Codec
from hanami_proto.dialect import Dialect, load_dialect

DEADLINE = 20.0  # seconds; reached only by a defect
DEVIATIONS = ("--quirks", "--as", "--fault")
PASSWORDS = {"alice": "alice-password", "bob": "bob-password"}
BRICKS = """version: 1
settings:
    neuron_cooldown: 10000000.0
    refractory_time: 1
    max_connection_distance: 1
    enable_reduction: false
bricks:
    1,1,1
        input: first_input
        number_of_neurons: 4
    1,2,1
        input: second_input
        number_of_neurons: 2
    2,1,1
        number_of_neurons: 8
    3,1,1
        output: first_output
        number_of_neurons: 3
    3,2,1
        output: second_output
        number_of_neurons: 2
"""
HEXAGONS = """version: 1
settings:
    neuron_cooldown: 100000000000.0
    refractory_time: 1
    max_connection_distance: 1
    enable_reduction: false
hexagons:
    1,1,1
    2,1,1
    3,1,1
inputs:
    first_input:
        target: 1,1,1
        number_of_inputs: 4
outputs:
    first_output:
        target: 3,1,1
        number_of_outputs: 3
"""
AXONS = """version: 1
settings:
    neuron_cooldown: 10000000.0
    refractory_time: 1
    max_connection_distance: 1
hexagons:
    1,1,1
    3,1,1
    4,1,1
axons:
    1,1,1 -> 3,1,1
inputs:
    first_input: 1,1,1
outputs:
    first_output: 4,1,1
"""
TEMPLATES = {"bricks": BRICKS, "hexagons": HEXAGONS, "axons": AXONS}
_names = itertools.count()


def fresh_name() -> str:
    return f"name {next(_names)}"


def encoded(template: str) -> str:
    return base64.b64encode(template.encode()).decode()


def images_file(pixels: NDArray[np.uint8]) -> bytes:
    """Return an idx file of images of shape (images, height, width)."""
    return struct.pack(">4I", 0x803, *pixels.shape) + pixels.tobytes()


def labels_file(labels: NDArray[np.uint8]) -> bytes:
    return struct.pack(">2I", 0x801, len(labels)) + labels.tobytes()


class Server:
    """A running reference backend.

    Its answers must be those of its API page, unless it deviates on purpose.
    """

    def __init__(
        self, process: subprocess.Popen[str], errors: IO[str], announced: dict[str, Any], *, deviates: bool
    ) -> None:
        self.process = process
        self._deviates = deviates
        self.announced = announced
        self.url: str = announced["url"]
        self.dialect: Dialect = load_dialect(announced["dialect"])
        self._errors = errors

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @cached_property
    def api(self) -> dict[str, Any]:
        """The operations of the API page by path and method."""
        paths: dict[str, Any] = httpx.get(f"{self.url}/openapi.json", timeout=DEADLINE, trust_env=False).json()["paths"]
        return paths

    def check_described(self, response: httpx.Response) -> None:
        """Check that an answer has a status and a form that the API page describes."""
        request = response.request
        operation = self.api.get(request.url.path, {}).get(request.method.lower())
        if self._deviates or operation is None:
            return
        response.read()
        described = operation["responses"]
        assert str(response.status_code) in described, f"{request.method} {request.url}: {response.status_code}"
        content = described[str(response.status_code)]["content"]
        kind = response.headers["content-type"].partition(";")[0]
        assert kind in content, f"{request.method} {request.url}: {kind}"
        answer = response.json() if kind == "application/json" else response.text
        jsonschema.Draft202012Validator(content[kind]["schema"]).validate(answer)

    def log(self) -> str:
        self._errors.seek(0)
        return self._errors.read()


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    """Run a server; it must end with status 0 and without a traceback."""
    command = [
        sys.executable,
        "-m",
        "hanami_reference_backend",
        "--port",
        "0",
        "--announce",
        "json",
        "--stop-with-stdin",
    ]
    with (folder / "log").open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdout:
            try:
                deviates = any(option in DEVIATIONS for option in options)
                server = Server(process, errors, json.loads(process.stdout.readline()), deviates=deviates)
                yield server
                process.stdin.close()
                assert process.wait(DEADLINE) == 0
            finally:
                process.kill()
                process.wait()
                process.stdin.close()
        assert "Traceback" not in server.log()


class Peer:
    """A logged-in user."""

    def __init__(self, server: Server, user: str = "alice") -> None:
        self.server = server
        self.dialect = server.dialect
        self.codec: Codec = server.dialect.codec
        hooks = {"response": [server.check_described]}
        self.http = httpx.Client(base_url=server.url, timeout=DEADLINE, trust_env=False, event_hooks=hooks)
        self.token = self.call("token.create", **self.dialect.login(user, PASSWORDS[user])).json()["token"]
        self.http.headers["X-Auth-Token"] = self.token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def call(self, operation: str, **fields: Any) -> httpx.Response:
        route = self.dialect.route(operation)
        if route.method in {"GET", "DELETE"}:
            return self.http.request(route.method, route.path, params=fields)
        return self.http.request(route.method, route.path, json=fields)

    def ok(self, operation: str, **fields: Any) -> dict[str, Any]:
        response = self.call(operation, **fields)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert isinstance(answer, dict)
        return answer

    def status(self, operation: str, **fields: Any) -> int:
        return self.call(operation, **fields).status_code

    def begin_csv(self, size: int) -> dict[str, Any]:
        return self.ok("csv.init", name=fresh_name(), input_data_size=size)

    def begin_mnist(self, images: int, labels: int) -> dict[str, Any]:
        return self.ok("mnist.init", name=fresh_name(), input_data_size=images, label_data_size=labels)

    def send_file(self, uuid: str, content: bytes) -> None:
        with self.attach(uuid) as socket:
            assert self.put(socket, 0, content) == ""

    def put(self, socket: ClientConnection, position: int, data: bytes) -> str:
        """Send a chunk, and return the reason of a rejection, or an empty string."""
        return self.put_raw(socket, self.codec.encode_chunk(position, data))

    def put_raw(self, socket: ClientConnection, message: bytes | str) -> str:
        socket.send(message)
        answer = socket.recv(DEADLINE)
        assert isinstance(answer, bytes)
        acknowledgement = self.codec.decode_acknowledgement(answer)
        assert acknowledgement.success == (acknowledgement.error == "")
        return acknowledgement.error

    def csv_dataset(self, content: bytes) -> str:
        upload = self.begin_csv(len(content))
        self.send_file(upload["uuid_input_file"], content)
        self.ok("csv.finalize", uuid=upload["uuid"], uuid_input_file=upload["uuid_input_file"])
        return str(upload["uuid"])

    def column(self, uuid: str, name: str, offset: int = 0, count: int = 10_000) -> Any:
        answer = self.ok("dataset.content", uuid=uuid, column_name=name, row_offset=offset, number_of_rows=count)
        return answer["data"]

    def cluster(self, template: str = "", *, direct: bool = True) -> str:
        text = template or TEMPLATES[self.dialect.template]
        uuid = str(self.ok("cluster.create", name=fresh_name(), template=encoded(text))["uuid"])
        if direct:
            self.ok("cluster.set_mode", uuid=uuid, new_state="DIRECT")
        return uuid

    def open(self) -> ClientConnection:
        return connect(self.server.socket_url, compression=None, proxy=None, max_size=None)

    @contextmanager
    def attach(self, uuid: object, target: str = "file_upload", **fields: Any) -> Iterator[ClientConnection]:
        """Open an attached websocket."""
        with self.open() as socket:
            answer = first_answer(socket, {"token": self.token, "uuid": uuid, "target": target} | fields)
            assert answer == {"success": 1}
            yield socket

    def rejection(self, first_message: object) -> str:
        """Return the reason of a rejected first message; the server must close the socket with 1008."""
        with self.open() as socket:
            answer = first_answer(socket, first_message)
            assert answer["success"] is False
            assert closing(socket) == (1008, answer["error"])
            return str(answer["error"])

    def io(self, socket: ClientConnection, name: str, values: list[float], **fields: Any) -> BrickMessage:
        """Send a ClusterIO_Message, and return the next reply."""
        socket.send(self.codec.encode_io(name, values, **({"is_last": True} | fields)))
        return self.answer(socket)

    def answer(self, socket: ClientConnection) -> BrickMessage:
        message = socket.recv(DEADLINE)
        assert isinstance(message, bytes)
        return self.codec.decode_io(message)


def first_answer(socket: ClientConnection, message: object) -> dict[str, Any]:
    socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
    answer = json.loads(socket.recv(DEADLINE))
    assert isinstance(answer, dict)
    return answer


def closing(socket: ClientConnection) -> tuple[int, str]:
    """Return the code and the reason of the close; the server must not send a message before."""
    with pytest.raises(ConnectionClosed) as ended:
        socket.recv(DEADLINE)
    close = ended.value.rcvd
    assert close is not None
    return close.code, close.reason
