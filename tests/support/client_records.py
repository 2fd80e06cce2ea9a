"""Records of clients, written step by step: what a client sent, and what it was answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.client_mode.materials import Materials
from hanami_conformance.client_mode.record import CLUSTER, FILE, Message, Record, Request, Socket
from hanami_conformance.client_mode.scenario import Scenario
from hanami_conformance.client_mode.situation import Situation
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_proto.codec import ProcessType
from hanami_proto.dialect import load_dialect

TOKEN, PASSWORD = "header.payload.signature", "a-long-password"
DATASET, INPUT, LABELS, CLUSTER_UUID = "uuid-dataset", "uuid-input", "uuid-labels", "uuid-cluster"
CONTENTS = {"input": bytes(range(200)), "labels": bytes(range(100, 120)), "csv": b"a,b\n1,2\n"}
SHAPE = ClusterShape({"test_input": 4}, {"test_output": 2}, 3)
DIALECT = load_dialect("documented")
UUIDS = {"uuid": DATASET, "uuid_input_file": INPUT, "uuid_label_file": LABELS}
VALUES, EXPECTED, OUTPUTS = [0.5, 0.25, 0.0, 1.0], [1.0, 0.0], [0.75, 0.125]


class RecordBuilder:
    """Writes a record; each step is a second after the one before.

    Args:
        workflow: Workflow of the scenario.
        scenario: Scenario, None for one without faults.
    """

    def __init__(self, workflow: str, scenario: Scenario | None = None) -> None:
        self.scenario = scenario or Scenario(f"{workflow}-plain", workflow, "the server does its part", "succeed")
        self.record = Record(CaseRecording("case"), exit_status=0, most_open=2)
        self.time = 100.0
        self.hands_over = False

    @property
    def situation(self) -> Situation:
        """What the checks look at."""
        folder = Path("/nowhere")
        materials = Materials("http://x", TOKEN, "alice", PASSWORD, CLUSTER_UUID, folder, DIALECT, SHAPE)
        return Situation(self.scenario, self.record, materials, CONTENTS, self.hands_over)

    def tick(self) -> float:
        """Return the time of the next step."""
        self.time += 1.0
        return self.time

    def _event(self, kind: str, channel: str, text: str) -> int:
        self.record.recording.sent_event(channel, kind, text)
        return len(self.record.recording.events) - 1

    def call(
        self,
        operation: str,
        fields: Mapping[str, Any],
        answer: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        token: str | None = TOKEN,
        query: str = "",
    ) -> Request:
        """Add a request that was answered."""
        route = DIALECT.route(operation)
        event = self._event("http", "rest-1", str(route))
        headers = () if token is None else (("x-auth-token", token),)
        body = b"" if route.method == "GET" else json.dumps(fields).encode()
        target = route.path + (f"?uuid={fields['uuid']}" if route.method == "GET" else "") + query
        request = Request(self.tick(), "rest-1", route.method, target, headers, body, operation, event)
        request.status = request.server_status = status
        request.answer, request.answered = json.dumps(answer or {}).encode(), self.tick()
        request.server_answer = request.answer
        self.record.requests.append(request)
        return request

    def socket(self, target: str, uuid: str, *, token: str = TOKEN, accepted: bool = True, path: str = "/") -> Socket:
        """Add a websocket with its first message."""
        channel = f"ws-{len(self.record.sockets) + 1}"
        socket = Socket(channel, self.tick(), path, self._event("open", channel, "websocket"))
        socket.target, socket.uuid = target, uuid
        first = {"token": token, "uuid": uuid, "target": target}
        self.send(socket, json.dumps(first).encode(), is_text=True)
        answer = self.answer(socket, json.dumps({"success": accepted}).encode())
        socket.accepted, socket.rejected = (answer.at, float("inf")) if accepted else (float("inf"), answer.at)
        self.record.sockets.append(socket)
        return socket

    def send(self, socket: Socket, payload: bytes, *, is_text: bool = False) -> Message:
        """Add a message of the client."""
        message = Message(self.tick(), True, is_text, payload, self._event("binary", socket.channel, "message"))
        socket.messages.append(message)
        return message

    def answer(self, socket: Socket, payload: bytes, *, delivered: bool = True) -> Message:
        """Add a message of the server."""
        message = Message(self.tick(), False, False, payload, len(self.record.recording.events), delivered)
        socket.messages.append(message)
        return message

    def chunk(self, socket: Socket, position: int, data: bytes, *, success: bool = True) -> None:
        """Add a chunk and its answer."""
        self.send(socket, DIALECT.codec.encode_chunk(position, data))
        self.answer(socket, DIALECT.codec.encode_acknowledgement(success, "" if success else "no"))

    def values(
        self,
        socket: Socket,
        name: str,
        values: Sequence[float],
        *,
        is_last: bool = False,
        train: bool = True,
        count: int | None = None,
        answers: int = 1,
    ) -> None:
        """Add a message of a cycle and its answers: the outputs where it is the last one of a request."""
        kind = ProcessType.TRAIN if train else ProcessType.REQUEST
        message = DIALECT.codec.encode_io(name, values, is_last=is_last, process_type=kind, number_of_values=count)
        self.send(socket, message)
        for _ in range(answers):
            output = ("", [0.0]) if train or not is_last else ("test_output", OUTPUTS)
            self.answer(socket, DIALECT.codec.encode_io(*output, is_last=is_last, process_type=kind))

    def close(self, socket: Socket, *, frame: bool = True) -> None:
        """End a websocket by the client."""
        socket.ended, socket.ended_by = self.tick(), "client"
        socket.has_close_frame, socket.close_code = frame, 1000 if frame else None
        self._event("close" if frame else "end", socket.channel, "close")

    def init(self, sizes: Mapping[str, Any] | None = None) -> None:
        """Add the POST of an MNIST upload."""
        announced = {"input_data_size": len(CONTENTS["input"]), "label_data_size": len(CONTENTS["labels"])}
        self.call("mnist.init", {"name": "digits", **announced, **(sizes or {})}, UUIDS)

    def send_file(self, uuid: str, content: bytes) -> None:
        """Add a websocket that sends a file in two chunks."""
        socket = self.socket(FILE, uuid)
        half = len(content) // 2
        self.chunk(socket, 0, content[:half])
        self.chunk(socket, half, content[half:])
        self.close(socket)

    def progress(self, *, complete: bool = True) -> None:
        """Add a request for the progress."""
        self.call("dataset.progress", {"uuid": DATASET}, {"complete": complete})

    def put(self, **fields: str) -> None:
        """Add the PUT of an MNIST upload."""
        self.call("mnist.finalize", UUIDS | fields)

    def switch(self, mode: str, *, status: int = 200) -> None:
        """Add a switch of the mode."""
        self.call("cluster.set_mode", {"uuid": CLUSTER_UUID, "new_state": mode}, status=status)


def upload() -> RecordBuilder:
    """Return the record of a right client that uploads."""
    builder = RecordBuilder("mnist")
    builder.init()
    builder.send_file(INPUT, CONTENTS["input"])
    builder.send_file(LABELS, CONTENTS["labels"])
    builder.progress(complete=False)
    builder.progress()
    builder.put()
    return builder


def interaction() -> RecordBuilder:
    """Return the record of a right client that trains once and requests once."""
    builder = RecordBuilder("direct")
    builder.switch("DIRECT")
    socket = builder.socket(CLUSTER, CLUSTER_UUID)
    builder.values(socket, "test_input", VALUES)
    builder.values(socket, "test_output", EXPECTED, is_last=True)
    builder.values(socket, "test_input", VALUES[:2], train=False)
    builder.values(socket, "test_input", VALUES[2:], train=False, is_last=True)
    builder.close(socket)
    builder.switch("TASK")
    builder.record.outputs = {"test_output": OUTPUTS}
    return builder
