"""The example client does its workflows in every dialect, and reports what it could not do."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError

from hanami_proto.codec import ProcessType, TargetBuffer
from hanami_proto.dialect import dialect_names
from support.backend_peer import DEADLINE, PASSWORDS, Peer, images_file, labels_file, running
from support.paths import ROOT

IMAGES = np.random.default_rng(1).integers(0, 256, (200, 28, 28), dtype=np.uint8)  # two chunks
LABELS = np.arange(200, dtype=np.uint8) % 10
TABLE = "height,width\n" + "".join(f"{row},{row}.5\n" for row in range(20_000))  # two chunks
INPUTS, EXPECTED = [0.25, 0.5, 0.75, 1.0], [1.0, 0.0, 0.5]


@pytest.fixture(scope="module", name="alice", params=dialect_names())
def _alice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with running(tmp_path_factory.mktemp("server"), "--dialect", request.param) as server, Peer(server) as alice:
        yield alice


def run(*words: object, password: str = PASSWORDS["alice"]) -> subprocess.CompletedProcess[str]:
    """Run the client; what it prints never has the password."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HANAMI_")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "client", *map(str, words)],
        env={**variables, "HANAMI_CLIENT_PASSWORD": password},
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
        check=False,
    )
    assert password not in done.stdout + done.stderr
    return done


def result(alice: Peer, *words: object) -> Any:
    """Return what the client hands over after a workflow that succeeds."""
    done = run(*words, "--url", alice.server.url, "--user", "alice", "--dialect", alice.dialect.name)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def failure(*words: object, password: str = PASSWORDS["alice"]) -> str:
    """Return the one line that the client prints where it fails."""
    done = run(*words, password=password)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_uploaded_images_and_labels_are_those_of_the_files(alice: Peer, tmp_path: Path) -> None:
    files = {"--input-file": images_file(IMAGES), "--labels-file": labels_file(LABELS)}
    for option, content in files.items():
        (tmp_path / option).write_bytes(content)
    uuid = result(alice, "mnist", *(word for option in files for word in (option, tmp_path / option)))["dataset"]
    if alice.dialect.has_content:
        assert alice.column(uuid, "picture") == IMAGES.reshape(200, -1).tolist()
        assert alice.column(uuid, "label") == np.eye(10)[LABELS].tolist()
    else:
        assert alice.ok("dataset.get", uuid=uuid)["lines"] == len(LABELS)


def test_an_uploaded_table_is_that_of_the_file(alice: Peer, table: Path) -> None:
    uuid = result(alice, "csv", "--csv-file", table)["dataset"]
    rows = list(csv.DictReader(io.StringIO(TABLE)))
    if alice.dialect.has_content:
        begin = alice.column(uuid, "width", 0) + alice.column(uuid, "width", 10_000)
        assert begin == [[float(row["width"])] for row in rows]
    else:
        assert alice.ok("dataset.get", uuid=uuid)["lines"] == len(rows)


def test_the_outputs_are_those_of_the_trained_cluster(alice: Peer, tmp_path: Path) -> None:
    used, equal = alice.cluster(direct=False), alice.cluster()  # with the same weights
    output = "first_output"
    inputs = {"first_input": INPUTS} | ({"second_input": [0.5, 1.0]} if alice.dialect.template == "bricks" else {})
    outputs = {output: EXPECTED} | ({"second_output": [0.0, 1.0]} if alice.dialect.template == "bricks" else {})
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"train": {"inputs": inputs, "outputs": outputs}, "request": {"inputs": inputs}}))
    handed_over = result(alice, "direct", "--cluster", used, "--values-file", values)
    with alice.attach(equal, "cluster") as socket:
        for name, part in inputs.items():
            alice.io(socket, name, part, is_last=False, process_type=ProcessType.TRAIN)
        for number, (name, part) in enumerate(outputs.items(), start=1):
            side = {"target_buffer": TargetBuffer.EXPECTED, "is_last": number == len(outputs)}
            alice.io(socket, name, part, process_type=ProcessType.TRAIN, **side)
        for name, part in list(inputs.items())[:-1]:
            alice.io(socket, name, part, is_last=False)
        name, part = list(inputs.items())[-1]
        answers = [alice.io(socket, name, part), *(alice.answer(socket) for _ in list(outputs)[1:])]
    assert handed_over == {answer.name: answer.values.tolist() for answer in answers}
    assert alice.ok("cluster.set_mode", uuid=used, new_state="DIRECT")  # it was in task mode again


@pytest.fixture(scope="module", name="where")
def _where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """Provide the options that name a server and a user."""
    with running(tmp_path_factory.mktemp("server")) as server:
        yield "--url", server.url, "--user", "alice"


def test_a_wrong_password_is_reported(where: tuple[str, ...], table: Path) -> None:
    line = failure("csv", "--csv-file", table, *where, password="another-password")
    assert line.startswith("FAILED: POST /v1/token answered 401: ")


def test_a_rejected_table_is_reported(where: tuple[str, ...], table: Path) -> None:
    table.write_bytes(b"a,b\n1,2\n1,2,3\n")
    assert failure("csv", "--csv-file", table, *where).startswith("FAILED: PUT /v1/csv/dataset answered 400: ")


def test_an_unknown_cluster_is_reported(where: tuple[str, ...], tmp_path: Path) -> None:
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"train": {"inputs": {}, "outputs": {}}, "request": {"inputs": {}}}))
    unknown = "00000000-0000-4000-8000-000000000000"
    assert "answered 404" in failure("direct", "--cluster", unknown, "--values-file", values, *where)


def test_a_missing_file_is_reported(where: tuple[str, ...], tmp_path: Path) -> None:
    assert "No such file" in failure("csv", "--csv-file", tmp_path / "table.csv", *where)


def test_a_missing_server_is_reported(table: Path) -> None:
    where = ("--url", "http://127.0.0.1:9", "--user", "alice")
    assert "Connection refused" in failure("csv", "--csv-file", table, *where)


def test_a_websocket_that_is_lost_while_it_is_opened_is_opened_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "client"))
    module = importlib.import_module("session")
    del sys.modules["session"]  # a name that is too common to be kept
    session = object.__new__(module.Session)
    session._url = "http://127.0.0.1:1"
    monkeypatch.setattr(module, "connect", Mock(side_effect=ConnectionClosedError(None, None)))
    with pytest.raises(module.TemporaryError, match="no websocket at ws://127"):
        session._attach("cluster", "uuid")
