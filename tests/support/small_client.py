"""A small client of the protocol as a program, right unless the environment asks for a mistake."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from hanami_proto.codec import ProcessType, TargetBuffer
from hanami_proto.dialect import load_dialect

SECONDS = 5.0  # for every answer
CHUNK = 128 * 1024  # bytes
FILES = {"mnist": {"uuid_input_file": "INPUT", "uuid_label_file": "LABELS"}, "csv": {"uuid_input_file": "CSV"}}
SIZES = {"uuid_input_file": "input_data_size", "uuid_label_file": "label_data_size"}
MISTAKE = os.environ.get("SMALL_CLIENT_MISTAKE", "")


def given(name: str) -> str:
    """Return what the client was given."""
    return os.environ[f"HANAMI_CLIENT_{name}"]


DIALECT = load_dialect(given("DIALECT"))
ADDRESS = given("URL")


def call(operation: str, *, body: Any = None, params: Any = None) -> dict[str, Any]:
    """Call a REST operation."""
    route = DIALECT.route(operation)
    headers = {} if MISTAKE == "no-token" else {"X-Auth-Token": given("TOKEN")}
    url = f"{ADDRESS}{route.path}"
    answer = httpx.request(
        route.method, url, json=body, params=params, headers=headers, timeout=SECONDS, trust_env=False
    )
    if answer.status_code != httpx.codes.OK:
        sys.exit(f"{operation} failed: {answer.status_code} {answer.text}")
    answered: dict[str, Any] = answer.json()
    return answered


def open_socket(uuid: str, target: str) -> ClientConnection:
    """Open a websocket, and attach it."""
    socket = connect(ADDRESS.replace("http", "ws"), proxy=None)
    socket.send(json.dumps({"token": given("TOKEN"), "uuid": uuid, "target": target}))
    try:
        answer = json.loads(socket.recv(SECONDS))
        if answer.get("success") not in (1, True):
            sys.exit(f"rejected: {answer.get('error')}")
    except BaseException:
        socket.close()
        raise
    return socket


def send_file(uuid: str, path: Path) -> None:
    """Send a file over a websocket of its own."""
    data = path.read_bytes()
    offset = 1 if MISTAKE == "positions-count-from-one" else 0
    with open_socket(uuid, "file_upload") as socket:
        for position in range(0, len(data), CHUNK):
            socket.send(DIALECT.codec.encode_chunk(position + offset, data[position : position + CHUNK]))
            answer = DIALECT.codec.decode_acknowledgement(bytes(socket.recv(SECONDS)))  # type: ignore[arg-type]
            if not answer.success and MISTAKE != "rejections-ignored":
                sys.exit(f"chunk rejected: {answer.error}")


def upload(kind: str) -> None:
    """Upload the files of a kind, and finalize them."""
    paths = {field: Path(given(f"{name}_FILE")) for field, name in FILES[kind].items()}
    sizes = {SIZES[field]: path.stat().st_size for field, path in paths.items()}
    made = call(f"{kind}.init", body={"name": "small client", **sizes})
    for field, path in paths.items():
        send_file(made[field], path)
    until = time.monotonic() + SECONDS
    while MISTAKE != "no-progress" and not call("dataset.progress", params={"uuid": made["uuid"]})["complete"]:
        if time.monotonic() > until:
            sys.exit("the upload is never complete")
        time.sleep(0.1)
    call(f"{kind}.finalize", body={"uuid": made["uuid"], **{field: made[field] for field in paths}})


def interact() -> None:
    """Train a cluster once, request its output, and hand it over."""
    values = json.loads(Path(given("VALUES_FILE")).read_text(encoding="utf-8"))
    task, direct = DIALECT.modes
    call("cluster.set_mode", body={"uuid": given("CLUSTER"), "new_state": direct})
    try:
        with open_socket(given("CLUSTER"), "cluster") as socket:
            outputs = exchange(socket, values)
    finally:
        if MISTAKE != "stays-direct":
            call("cluster.set_mode", body={"uuid": given("CLUSTER"), "new_state": task})
    Path(given("RESULT_FILE")).write_text(json.dumps(outputs), encoding="utf-8")


def exchange(socket: ClientConnection, values: Any) -> dict[str, list[float]]:
    """Send one cycle of training and one request; return the outputs."""
    train = values["train"]
    messages = [(name, part, TargetBuffer.INPUT) for name, part in train["inputs"].items()]
    messages += [(name, part, TargetBuffer.EXPECTED) for name, part in train["outputs"].items()]
    for number, (name, part, buffer) in enumerate(messages, start=1):
        is_last = number == len(messages)
        send(socket, name, part, is_last=is_last, process_type=ProcessType.TRAIN, buffer=buffer)
        socket.recv(SECONDS)
    for name, part in values["request"]["inputs"].items():
        send(socket, name, part, is_last=True, process_type=ProcessType.REQUEST, buffer=TargetBuffer.INPUT)
    outputs: dict[str, list[float]] = {}
    while len(outputs) < len(train["outputs"]):
        answer = DIALECT.codec.decode_io(bytes(socket.recv(SECONDS)))  # type: ignore[arg-type]
        outputs[answer.name] = answer.values.tolist()
    return outputs


def send(
    socket: ClientConnection, name: str, values: list[float], *, is_last: bool, process_type: int, buffer: int
) -> None:
    """Send one message of a cycle."""
    arguments = {"is_last": is_last, "process_type": process_type, "target_buffer": buffer}
    socket.send(DIALECT.codec.encode_io(name, values, **arguments))  # type: ignore[arg-type]


def main(workflow: str) -> None:
    """Run a workflow; a failure ends the program with status 1 and its reason."""
    try:
        if workflow == "direct":
            interact()
        else:
            upload(workflow)
    except (OSError, KeyError, ValueError, httpx.HTTPError, WebSocketException) as error:
        sys.exit(f"failed: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
