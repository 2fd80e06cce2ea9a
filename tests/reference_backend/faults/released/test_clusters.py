"""Defects of clusters: their templates and names, what their websockets take, and how they answer."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection

from hanami_proto.codec import BrickMessage, ProcessType, TargetBuffer
from support.backend_peer import BRICKS, HEXAGONS, Peer, closing, encoded, fresh_name
from support.simulators import (
    EACH,
    HANAMI,
    OPENHANAMI,
    SOON,
    attached,
    is_silent,
    lost_workers,
    send_first_message,
    simulator,
)
from support.text import replaced

INPUTS = [0.5, 0.25, 0.75, 1.0]
EXPECTED = [1.0, 0.0, 1.0]
ONE_OUTPUT = replaced(BRICKS, "    3,2,1\n        output: second_output\n        number_of_neurons: 2\n", "")


def template(peer: Peer) -> str:
    return ONE_OUTPUT if peer.dialect.template == "bricks" else HEXAGONS


def expected_buffer(peer: Peer) -> dict[str, TargetBuffer]:
    return {} if peer.codec.schema == "brick" else {"target_buffer": TargetBuffer.EXPECTED}


def train(peer: Peer, socket: ClientConnection, inputs: list[float] = INPUTS) -> BrickMessage:
    peer.io(socket, "first_input", inputs, is_last=False, process_type=ProcessType.TRAIN)
    return peer.io(socket, "first_output", EXPECTED, process_type=ProcessType.TRAIN, **expected_buffer(peer))


@EACH
def test_a_cluster_without_a_template_crashes(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "clusters-without-a-template-crash") as running, Peer(running) as peer:
        with pytest.raises(httpx.TransportError):
            peer.call("cluster.create", name=fresh_name())
        assert running.crash() == "clusters-without-a-template-crash"


def test_the_deletion_of_an_empty_cluster_crashes(tmp_path: Path) -> None:
    name = "deleting-an-empty-cluster-crashes"
    with simulator(tmp_path, HANAMI, name) as running, Peer(running) as peer:
        uuid = peer.ok("cluster.create", name=fresh_name(), template="")["uuid"]
        with pytest.raises(httpx.TransportError):
            peer.call("cluster.delete", uuid=uuid)
        assert running.crash() == name


@pytest.mark.parametrize(
    ("server", "defect", "datasets"),
    [
        (HANAMI, "clusters-with-the-name-of-a-truth-value-get-500", 200),
        (OPENHANAMI, "names-of-truth-values-get-500", 500),
    ],
)
def test_the_name_of_a_truth_value_gets_500(tmp_path: Path, server: str, defect: str, datasets: int) -> None:
    with simulator(tmp_path, server, defect) as running, Peer(running) as peer:
        assert peer.status("cluster.create", name="True", template=encoded(template(peer))) == 500
        assert len(peer.ok("cluster.list")["body"]) == 1
        assert peer.status("csv.init", name="false", input_data_size=4) == datasets
        assert peer.status("csv.init", name="null", input_data_size=4) == 200


@pytest.mark.parametrize(
    ("server", "name", "size"),
    [
        (HANAMI, "negative-sizes-crash", "-1"),
        (OPENHANAMI, "negative-sizes-crash", "-1"),
        (OPENHANAMI, "sizes-above-int32-crash", "4294967296"),
    ],
)
def test_a_size_outside_int32_crashes(tmp_path: Path, server: str, name: str, size: str) -> None:
    with simulator(tmp_path, server, name) as running, Peer(running) as peer:
        text = replaced(template(peer), ": 4\n", f": {size}\n")
        with pytest.raises(httpx.TransportError):
            peer.call("cluster.create", name=fresh_name(), template=encoded(text))
        assert running.crash() == name


def send_many_requests(peer: Peer, socket: ClientConnection) -> None:
    train(peer, socket)
    for _ in range(1000):
        socket.send(peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType.REQUEST))


def test_the_deletion_of_a_working_cluster_crashes(tmp_path: Path) -> None:
    name = "deleting-a-working-cluster-crashes"
    with simulator(tmp_path, OPENHANAMI, name) as running, Peer(running) as peer:
        uuid = peer.cluster(template(peer))
        with attached(peer, uuid, "cluster") as socket:
            send_many_requests(peer, socket)
            with pytest.raises(httpx.TransportError):
                peer.call("cluster.delete", uuid=uuid)
        assert running.crash() == name


def test_the_deletion_of_a_working_cluster_stops_the_server(tmp_path: Path) -> None:
    name = "deleting-a-working-cluster-stops-the-server"
    with simulator(tmp_path, HANAMI, name) as running, Peer(running) as peer:
        uuid = peer.cluster(template(peer))
        with attached(peer, uuid, "cluster") as socket:
            send_many_requests(peer, socket)
            peer.call("cluster.delete", uuid=uuid)
        with pytest.raises(httpx.ReadTimeout):
            peer.http.get(peer.dialect.route("cluster.list").path, timeout=SOON)


@EACH
def test_a_deleted_cluster_leaves_a_new_socket(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "large-answers-crash") as running, Peer(running) as peer:
        uuid = peer.cluster(template(peer))
        with attached(peer, uuid, "cluster") as socket:
            assert peer.ok("cluster.delete", uuid=uuid) == {}
            socket.send(peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType.REQUEST))
            answer = socket.recv(SOON)
            assert isinstance(answer, bytes)
            assert b'"success": false' in answer


@EACH
def test_a_socket_that_was_closed_is_not_attached_again(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "large-answers-crash") as running, Peer(running) as peer, ExitStack() as stack:
        deleted, uuid = peer.cluster(template(peer)), peer.cluster(template(peer))
        moved = stack.enter_context(attached(peer, deleted, "cluster"))
        assert peer.ok("cluster.delete", uuid=deleted) == {}
        assert send_first_message(moved, {"token": peer.token, "uuid": uuid, "target": "cluster"}) == {"success": True}
        first, latest = (stack.enter_context(attached(peer, uuid, "cluster")) for _ in range(2))
        moved.send(b"\xff")
        assert closing(moved)[0] == 1007
        first.send(peer.codec.encode_io("first_input", INPUTS, is_last=False, process_type=ProcessType.REQUEST))
        assert (peer.answer(latest).name, is_silent(first)) == ("", True)


@EACH
@pytest.mark.parametrize("message", [b"\xff", "{}", "an unknown name"])
def test_an_invalid_message_silences_a_worker(tmp_path: Path, server: str, message: bytes | str) -> None:
    with (
        simulator(tmp_path, server, "invalid-messages-silence-a-worker") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        if message == "an unknown name":
            message = peer.codec.encode_io("nothing", INPUTS, is_last=False, process_type=ProcessType.REQUEST)
        socket.send(message)
        assert is_silent(socket)
        assert lost_workers(peer) == 0  # three are left, and serve
        assert peer.status("cluster.list") == 200


@EACH
def test_an_unknown_process_type_silences_a_worker(tmp_path: Path, server: str) -> None:
    with (
        simulator(tmp_path, server, "unknown-process-types-silence-a-worker") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        answer = peer.io(socket, "first_input", INPUTS, is_last=False, process_type=7)
        assert (answer.name, answer.is_last) == ("", False)
        socket.send(peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType(1)))
        socket.recv(SOON)
        socket.send(raw_process_type(peer))
        assert is_silent(socket)


def raw_process_type(peer: Peer) -> bytes:
    """Return a last message with the process type 7, which comes last and so counts."""
    return peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType.TRAIN) + b"\x18\x07"


@EACH
@pytest.mark.parametrize(("values", "announced"), [([], 1), ([1.0], 100_000)])
def test_values_announced_and_not_sent_crash(tmp_path: Path, server: str, values: list[float], announced: int) -> None:
    name = "values-announced-and-not-sent-crash"
    with (
        simulator(tmp_path, server, name) as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        socket.send(
            peer.codec.encode_io(
                "first_input",
                values,
                is_last=False,
                process_type=ProcessType.REQUEST,
                number_of_values=announced,
            )
        )
        assert running.crash() == name


@EACH
def test_wrong_numbers_of_values_are_accepted(tmp_path: Path, server: str) -> None:
    names = (
        "values-that-were-not-sent-are-read",
        "values-beyond-the-brick-are-accepted",
        "values-beyond-the-announced-number-ignored",
    )
    with (
        simulator(tmp_path, server, *names) as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        train(peer, socket)
        for values, announced in ((INPUTS[:2], 4), (INPUTS, 2), ([*INPUTS, 1.0], 5)):
            answer = peer.io(socket, "first_input", values, is_last=True, number_of_values=announced)
            assert (answer.name, len(answer.values)) == ("first_output", 3)


@EACH
def test_many_values_beyond_the_brick_crash(tmp_path: Path, server: str) -> None:
    name = "many-values-beyond-the-brick-crash"
    with (
        simulator(tmp_path, server, name) as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        socket.send(peer.codec.encode_io("first_input", [1.0] * 1000, is_last=False, process_type=ProcessType.REQUEST))
        assert running.crash() == name


@EACH
def test_a_replaced_socket_silences_the_cluster(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "replaced-sockets-silence-the-cluster") as running, Peer(running) as peer:
        uuid = peer.cluster(template(peer))
        message = peer.codec.encode_io("first_input", INPUTS, is_last=False, process_type=ProcessType.REQUEST)
        with attached(peer, uuid, "cluster") as first:
            with attached(peer, uuid, "cluster") as second:
                first.send(message)
                assert is_silent(first)
                second.send(message)
                assert not is_silent(second)
            first.send(message)
            assert is_silent(first)


def test_a_request_after_a_replaced_socket_crashes(tmp_path: Path) -> None:
    names = ("replaced-sockets-silence-the-cluster", "requests-after-a-replaced-socket-crash")
    with simulator(tmp_path, HANAMI, *names) as running, Peer(running) as peer:
        uuid = peer.cluster(template(peer))
        with ExitStack() as stack:
            with attached(peer, uuid, "cluster"):
                second = stack.enter_context(attached(peer, uuid, "cluster"))
            assert peer.status("cluster.list") == 200
            second.send(peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType.REQUEST))
            assert running.crash() == names[1]


def test_an_untrained_cluster_silences_a_worker(tmp_path: Path) -> None:
    with simulator(tmp_path, OPENHANAMI, "untrained-clusters-silence-a-worker") as running, Peer(running) as peer:
        uuid = peer.cluster(template(peer))
        with attached(peer, uuid, "cluster") as socket:
            train(peer, socket, [0.0] * 4)  # inputs that make no neuron active train nothing
            socket.send(peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType.REQUEST))
            assert is_silent(socket)
        with attached(peer, uuid, "cluster") as socket:
            train(peer, socket)
            assert peer.io(socket, "first_input", INPUTS, is_last=True).name == "first_output"


def test_further_outputs_are_not_sent(tmp_path: Path) -> None:
    with (
        simulator(tmp_path, HANAMI, "further-outputs-are-not-sent") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(BRICKS), "cluster") as socket,
    ):
        assert peer.io(socket, "first_input", INPUTS, is_last=True).name == "first_output"
        assert is_silent(socket)


def test_further_outputs_come_late(tmp_path: Path) -> None:
    two = HEXAGONS + HEXAGONS[HEXAGONS.index("outputs:\n") + 9 :].replace("first_output", "second_output")
    with (
        simulator(tmp_path, OPENHANAMI, "further-outputs-come-late") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(two), "cluster") as socket,
    ):
        assert peer.io(socket, "first_input", INPUTS, is_last=True).name == "first_output"
        assert is_silent(socket)
        assert peer.io(socket, "first_input", INPUTS, is_last=False).name == ""
        assert peer.answer(socket).name == "second_output"


def test_outputs_have_the_size_of_the_last(tmp_path: Path) -> None:
    with (
        simulator(tmp_path, HANAMI, "outputs-have-the-size-of-the-last") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(BRICKS), "cluster") as socket,
    ):
        answers = [peer.io(socket, "first_input", INPUTS, is_last=True), peer.answer(socket)]
        assert [(answer.name, len(answer.values)) for answer in answers] == [
            ("first_output", 2),
            ("second_output", 2),
        ]


@EACH
def test_a_large_answer_crashes(tmp_path: Path, server: str) -> None:
    name = "large-answers-crash"
    with simulator(tmp_path, server, name) as running, Peer(running) as peer:
        key = "number_of_neurons: 3" if peer.dialect.template == "bricks" else "number_of_outputs: 3"
        text = replaced(template(peer), key, key.replace("3", "40000"))
        with attached(peer, peer.cluster(text), "cluster") as socket:
            socket.send(peer.codec.encode_io("first_input", INPUTS, is_last=True, process_type=ProcessType.REQUEST))
            assert running.crash() == name


def test_answers_drift(tmp_path: Path) -> None:
    with (
        simulator(tmp_path, OPENHANAMI, "answers-drift") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        first = peer.io(socket, "first_input", INPUTS, is_last=True).values
        later = peer.io(socket, "first_input", INPUTS, is_last=True).values
        assert abs(first - later).max() > 1e-3


def test_a_far_larger_input_crashes(tmp_path: Path) -> None:
    name = "inputs-far-larger-than-the-last-crash"
    with simulator(tmp_path, HANAMI, name) as running, Peer(running) as peer:
        text = replaced(BRICKS, "number_of_neurons: 4", "number_of_neurons: 5000")
        with attached(peer, peer.cluster(text), "cluster") as socket:
            peer.io(socket, "first_input", [1.0] * 900, is_last=False)
            socket.send(
                peer.codec.encode_io("first_input", [1.0] * 5000, is_last=False, process_type=ProcessType.REQUEST)
            )
            assert running.crash() == name


def test_inputs_share_their_values(tmp_path: Path) -> None:
    inputs = "    second_input:\n        target: 2,1,1\n        number_of_inputs: 2\n"
    two = replaced(HEXAGONS, "outputs:\n", f"{inputs}outputs:\n")
    with (
        simulator(tmp_path, OPENHANAMI, "inputs-share-their-values") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(two), "cluster") as socket,
    ):
        answers = []
        for values in ([1.0, 0.0], [0.0, 1.0]):
            peer.io(socket, "second_input", values, is_last=False)
            answers.append(peer.io(socket, "first_input", INPUTS, is_last=True).values)
        assert answers[0] == pytest.approx(answers[1])


@EACH
def test_values_of_a_brick_start_at_its_first(tmp_path: Path, server: str) -> None:
    with (
        simulator(tmp_path, server, "large-answers-crash") as running,
        Peer(running) as peer,
        attached(peer, peer.cluster(template(peer)), "cluster") as socket,
    ):
        whole = peer.io(socket, "first_input", INPUTS, is_last=True).values
        peer.io(socket, "first_input", [9.0, 9.0], is_last=False)
        again = peer.io(socket, "first_input", INPUTS[:2], is_last=True).values
        assert again == pytest.approx(whole)  # the later ones win, and the others stay


@EACH
def test_lists_have_the_columns_of_the_server(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "large-answers-crash") as running, Peer(running) as peer:
        upload, cluster = peer.begin_csv(4), peer.cluster(template(peer))
        common = ["project_id", "owner_id", "visibility", "name"]
        before = [] if server == HANAMI else ["created_at"]
        datasets, clusters = peer.ok("dataset.list"), peer.ok("cluster.list")
        assert datasets["header"] == [*before, "uuid", *common, *(["type"] if server == HANAMI else [])]
        assert clusters["header"] == [*before, "uuid", *common]
        place = len(before)
        assert [row[place] for row in datasets["body"]] == [upload["uuid"]]
        assert [row[place] for row in clusters["body"]] == [cluster]
