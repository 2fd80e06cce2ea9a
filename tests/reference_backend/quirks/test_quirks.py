from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection

from hanami_proto.codec import BrickMessage, ProcessType, TargetBuffer
from hanami_reference_backend.options import parse_options
from support.backend_peer import BRICKS, DEADLINE, HEXAGONS, Peer, Server, closing, encoded, running

NAMES = ("hanami-0.4", "openhanami-0.5")
INPUTS = [0.5, 0.25, 0.75, 1.0]
OUTPUTS = {"first_output": 3, "second_output": 2}
BUFFER_OUTPUTS = {"first_output": 3}
SOON = 0.3  # seconds in which a reply would have arrived


@contextmanager
def quirky(folder: Path, name: str, speed: float = 0.0) -> Iterator[Server]:
    with running(folder, "--quirks", name, "--quirk-speed", f"{speed:g}") as server:
        yield server


@pytest.fixture(params=NAMES, scope="module")
def quirky_peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with quirky(tmp_path_factory.mktemp("quirks"), request.param) as server, Peer(server) as peer:
        yield peer


def send_first_message(socket: ClientConnection, **fields: object) -> bytes:
    socket.send(json.dumps(fields))
    answer = socket.recv(DEADLINE)
    assert isinstance(answer, bytes)
    return answer


@contextmanager
def attached(peer: Peer, uuid: object, target: str = "file_upload") -> Iterator[ClientConnection]:
    with peer.open() as socket:
        assert send_first_message(socket, token=peer.token, uuid=uuid, target=target) == b'{"success": true}'
        yield socket


def template(peer: Peer) -> str:
    return BRICKS if peer.dialect.template == "bricks" else HEXAGONS


def is_placeholder(answer: BrickMessage, *, is_last: bool) -> bool:
    return (answer.name, answer.process_type, answer.is_last, answer.values.tolist()) == (
        "",
        ProcessType.TRAIN,
        is_last,
        [0.0],
    )


@pytest.mark.parametrize("name", NAMES)
def test_quirks_imply_their_dialect(name: str) -> None:
    options = parse_options(["--quirks", name])
    assert options.dialect.name == name
    assert options.quirks is not None
    assert (options.quirks.name, options.quirks.speed) == (name, 1.0)
    assert parse_options(["--quirks", name, "--dialect", name]).dialect.name == name


def test_without_quirks_there_are_none() -> None:
    assert parse_options([]).quirks is None
    assert parse_options(["--dialect", "hanami-0.4"]).quirks is None


@pytest.mark.parametrize(
    "options",
    [
        ["--quirks", "documented"],
        ["--quirks", "hanami-0.4", "--dialect", "openhanami-0.5"],
        ["--quirks", "hanami-0.4", "--dialect", "documented"],
        ["--quirks", "hanami-0.4", "--quirk-speed", "-1"],
        ["--quirks", "hanami-0.4", "--quirk-speed", "nan"],
        ["--quirk-speed", "1"],
    ],
    ids=" ".join,
)
def test_wrong_quirks_are_reported_in_one_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(options)
    assert ended.value.code == 2
    assert "--quirk" in capsys.readouterr().err.splitlines()[-1]


def test_each_answer_closes_its_connection(quirky_peer: Peer) -> None:
    for response in (
        quirky_peer.call("dataset.list"),
        quirky_peer.call("dataset.get", uuid="x"),
        quirky_peer.http.get("/nothing"),
    ):
        assert response.headers["connection"] == "close"
        assert response.extensions["network_stream"].get_extra_info("socket").fileno() == -1


def test_unknown_paths(quirky_peer: Peer) -> None:
    for path in ("/", "/nothing", f"{quirky_peer.dialect.prefix}nothing"):
        assert quirky_peer.http.get(path).status_code == 401
    assert quirky_peer.http.put(quirky_peer.dialect.route("cluster.list").path, json={}).status_code == 401
    assert (
        quirky_peer.status("dataset.get", uuid="6b0a0b06-9c0c-4f4e-8e0e-6a1c2b3d4e5f") == 404
    )  # of a path that is known


def test_a_rejected_first_message_may_be_repeated(quirky_peer: Peer) -> None:
    upload = quirky_peer.begin_csv(3)
    right = {"token": quirky_peer.token, "uuid": upload["uuid_input_file"], "target": "file_upload"}
    with quirky_peer.open() as socket:
        for wrong in ({"token": "x"}, {"uuid": "x"}, {"target": "x"}):
            answer = json.loads(send_first_message(socket, **(right | wrong)))
            assert answer["success"] is False
            assert answer["error"]
        assert send_first_message(socket, **right) == b'{"success": true}'
        assert quirky_peer.put(socket, 0, b"1,2") == ""
    assert quirky_peer.ok("dataset.progress", uuid=upload["uuid"])["complete"] is True


def test_messages_without_outputs_are_placeholders(quirky_peer: Peer) -> None:
    expected = {} if quirky_peer.codec.schema == "brick" else {"target_buffer": TargetBuffer.EXPECTED}
    with attached(quirky_peer, quirky_peer.cluster(), "cluster") as socket:
        for kind in ProcessType:
            values = INPUTS[:2] if kind is ProcessType.REQUEST else INPUTS[2:]
            answer = quirky_peer.io(socket, "first_input", values, is_last=False, process_type=kind)
            assert is_placeholder(answer, is_last=False)
        answer = quirky_peer.io(socket, "first_output", [1.0, 0.0, 1.0], process_type=ProcessType.TRAIN, **expected)
        assert is_placeholder(answer, is_last=True)


def test_outputs_lack_is_last(quirky_peer: Peer) -> None:
    outputs = OUTPUTS if quirky_peer.codec.schema == "brick" else BUFFER_OUTPUTS
    with attached(quirky_peer, quirky_peer.cluster(), "cluster") as socket:
        answers = [quirky_peer.io(socket, "first_input", INPUTS)]
        answers += [quirky_peer.answer(socket) for _ in range(len(outputs) - 1)]
    assert {answer.name: len(answer.values) for answer in answers} == outputs
    assert {answer.process_type for answer in answers} == {ProcessType.REQUEST}
    assert not any(answer.is_last for answer in answers)


def test_four_open_sockets_starve_the_rest(quirky_peer: Peer) -> None:
    impatient = httpx.Timeout(DEADLINE, read=SOON)
    with ExitStack() as three:
        for _ in range(3):
            three.enter_context(quirky_peer.open())
        assert quirky_peer.status("dataset.list") == 200
        with quirky_peer.open(), pytest.raises(httpx.ReadTimeout):
            quirky_peer.http.get(quirky_peer.dialect.route("dataset.list").path, timeout=impatient)
        assert quirky_peer.status("dataset.list") == 200


def test_an_invalid_message_still_closes_a_socket(quirky_peer: Peer) -> None:
    with attached(quirky_peer, quirky_peer.cluster(), "cluster") as socket:
        socket.send(b"\xff")
        assert closing(socket)[0] == 1007


@pytest.mark.parametrize("name", NAMES)
def test_a_starting_server_makes_clusters_but_answers_500(tmp_path: Path, name: str) -> None:
    with quirky(tmp_path, name, speed=60.0) as server, Peer(server) as peer:  # the login works at once
        response = peer.call("cluster.create", name="a cluster", template=encoded(template(peer)))
        assert (response.status_code, response.text) == (500, "")
        assert peer.status("cluster.create", name="x", template="") == 400
        assert len(peer.ok("cluster.list")["body"]) == 1


@pytest.mark.slow
def test_calls_and_tables_are_delayed(tmp_path: Path) -> None:
    table = b"a,b\n" + b"1,2\n" * (1 << 14)  # 64 KiB
    with quirky(tmp_path, "hanami-0.4") as server, Peer(server) as peer:
        quick = seconds_to_finalize(peer, table)
    with quirky(tmp_path, "hanami-0.4", speed=4) as server, Peer(server) as peer:
        assert seconds_to_finalize(peer, table) > quick + 0.5  # 4 times a quarter of a second, but for noise
        began = time.monotonic()
        peer.ok("dataset.list")
        assert time.monotonic() - began > 0.04


def seconds_to_finalize(peer: Peer, content: bytes) -> float:
    upload = peer.begin_csv(len(content))
    peer.send_file(upload["uuid_input_file"], content)
    began = time.monotonic()
    peer.ok("csv.finalize", uuid=upload["uuid"], uuid_input_file=upload["uuid_input_file"])
    return time.monotonic() - began
