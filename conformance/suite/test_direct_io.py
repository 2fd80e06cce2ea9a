"""Direct interaction, step 3: values, cycles and answers."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.catalogue import statement
from conformance.checks import Dropped, Unsupported, blaming, check, observe
from conformance.clients.brick_socket import BrickSocket, ClusterShape, Part, Values, describe, short
from conformance.clients.websocket import Message
from conformance.resources import Cluster
from conformance.suite.material import ONE_BRICK, TWO_BRICKS, vector
from conformance.workshop import Workshop
from proto.codec import ProcessType

TOLERANCE = 1e-5  # of a float32 answer between -1 and 1, a few units in the last place after a few layers
STEPS = 30  # cycles of training, enough to tell answers apart


def close_to(left: Values, right: Values) -> bool:
    """Whether two answers are the same within float32 tolerance."""
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE))


def same(left: dict[str, Values], right: dict[str, Values]) -> bool:
    """Whether the answers of all bricks are the same."""
    return left.keys() == right.keys() and all(close_to(left[name], right[name]) for name in left)


def shown(answer: dict[str, Values]) -> str:
    """An answer in words."""
    return ", ".join(f"{name} {short(values, 6)}" for name, values in answer.items())


def expect_same(came: dict[str, Values], wanted: dict[str, Values], why: str, statement_id: str | None = None) -> None:
    """Two answers must be the same."""
    check(same(came, wanted), expected=f"{why}: {shown(wanted)}", came=shown(came), statement=statement_id)


def inputs_of(shape: ClusterShape, seed: int) -> list[Part]:
    """Values for every input brick."""
    return [Part(name, vector(size, seed * 100 + index)) for index, (name, size) in enumerate(shape.inputs.items())]


def wanted_of(shape: ClusterShape, seed: int) -> list[Part]:
    """Expected values for every output brick: 0.9 where the seed says so, 0.1 elsewhere."""
    generator = np.random.default_rng(seed)
    parts = []
    for name, size in shape.outputs.items():
        values = np.where(generator.permutation(size) < (size + 1) // 2, 0.9, 0.1).astype(np.float32)
        parts.append(Part(name, values, expected=True))
    return parts


def direct(workshop: Workshop, shape: ClusterShape = ONE_BRICK) -> tuple[Cluster, BrickSocket]:
    """A new cluster in direct mode and a socket that is attached to it."""
    cluster = workshop.cluster(shape)
    cluster.enter_direct_mode()
    return cluster, cluster.attach()


def trained(workshop: Workshop, shape: ClusterShape = ONE_BRICK) -> tuple[Cluster, BrickSocket]:
    """A cluster that was trained until it answers different inputs differently, and its socket.

    Raises:
        Unsupported: it never does, so that a wrong answer could not be told from a right one.
    """
    cluster, socket = direct(workshop, shape)
    for step in range(10 * STEPS):
        if step % STEPS == 0:
            answers = [socket.request(inputs_of(shape, seed)) for seed in (1, 2)]
            if step and any(abs(answers[0][name] - answers[1][name]).max() > 100 * TOLERANCE for name in shape.outputs):
                return cluster, socket
        seed = 1 + step % 2
        socket.train([*inputs_of(shape, seed), *wanted_of(shape, seed)])
    raise Unsupported("the cluster answers different inputs alike, also after training: its answers tell nothing apart")


@statement("DIO-1")
def test_a_cluster_takes_messages(workshop: Workshop) -> None:
    """The server takes a ClusterIO_Message and answers with one."""
    _, socket = direct(workshop)
    socket.post("test_input", vector(12, seed=1), is_last=True)
    message = socket.receive("an answer to a ClusterIO_Message")
    check(message is not None, expected="a ClusterIO_Message", came=describe(message))


@statement("DIO-2")
@pytest.mark.parametrize("process", [ProcessType.REQUEST, ProcessType.TRAIN])
def test_not_last_messages_start_nothing(workshop: Workshop, process: ProcessType) -> None:
    """Messages with isLast = false are acknowledged at most: no output comes before the last message."""
    shape = TWO_BRICKS
    _, socket = direct(workshop, shape)
    for part in inputs_of(shape, seed=1):
        for begin in range(0, len(part.values), 2):
            socket.post(part.name, part.values[begin : begin + 2], is_last=False, process_type=process)
            socket.acknowledged()
    # The last message is the fence: an output that was started too early would come before its answer.
    socket.post("input_a", [], is_last=True)
    answer = socket.outputs()
    surplus = socket.finish()
    check(not surplus, expected="one output of each brick after the last message", came=f"{len(surplus)} more messages")
    check(set(answer) == set(shape.outputs), expected="an output of each brick", came=shown(answer))


@statement("DIO-2")
def test_not_last_training_messages_train_nothing(workshop: Workshop) -> None:
    """A TRAIN cycle that was never ended changes no answer."""
    cluster, socket = trained(workshop)
    question = inputs_of(ONE_BRICK, seed=1)
    before = socket.request(question)
    for _ in range(STEPS):
        socket.post("test_input", [], is_last=False, process_type=ProcessType.TRAIN)
        socket.acknowledged()
    for part in [*inputs_of(ONE_BRICK, seed=1), *wanted_of(ONE_BRICK, seed=2)]:
        socket.post(part.name, part.values, is_last=False, process_type=ProcessType.TRAIN, expected=part.expected)
        socket.acknowledged()
    socket.finish()
    after = cluster.attach_again().request(question)
    expect_same(after, before, "the answer as before, since no cycle was ended")


@statement("DIO-2")
def test_the_last_message_carries_values_too(workshop: Workshop) -> None:
    """The values of the message with isLast = true take part in the cycle that it starts."""
    _, socket = trained(workshop)
    values = vector(12, seed=1)
    whole = socket.request([Part("test_input", values)])
    first_half = socket.request([Part("test_input", values[:6])])
    split = socket.request([Part("test_input", values[:6]), Part("test_input", values[6:])])
    expect_same(split, whole, "the answer to the whole input")
    check(
        not same(first_half, whole),
        expected="another answer to half of the input than to all of it",
        came=shown(first_half),
    )


@statement("DIO-2")
def test_a_cycle_starts_with_nothing_of_the_one_before(workshop: Workshop) -> None:
    """A cycle processes the values that were sent since the last one, and no older ones."""
    shape = TWO_BRICKS
    _, socket = trained(workshop, shape)
    first, second = inputs_of(shape, seed=1)
    alone = socket.request([first])
    socket.request([first, second])
    expect_same(socket.request([first]), alone, "the answer to input_a alone, as before input_b had values")
    socket.request(inputs_of(shape, seed=2))
    expect_same(socket.request([first]), alone, "the answer to input_a alone, as before other values came")


@statement("DIO-2", "DIO-7")
def test_each_cycle_runs_once(workshop: Workshop) -> None:
    """Each last message starts one cycle and gets one answer, cycle after cycle."""
    _, socket = trained(workshop)
    answers = {seed: socket.request(inputs_of(ONE_BRICK, seed)) for seed in range(1, 6)}
    for seed in (5, 3, 1, 1, 4, 2):
        came = socket.request(inputs_of(ONE_BRICK, seed))
        expect_same(came, answers[seed], f"the answer to input {seed} as before", "DIO-7")
    surplus = socket.finish()
    check(not surplus, expected="11 answers to 11 requests", came=f"{len(surplus)} more messages")


@statement("DIO-3")
@pytest.mark.parametrize("size", [1, 2, 10, 784], ids=lambda size: f"{size} values")
def test_a_request_is_answered_with_the_output(workshop: Workshop, size: int) -> None:
    """The answer has REQUEST_TYPE, as many values as announced and as the output brick holds, all finite."""
    shape = ClusterShape({"test_input": size}, {"test_output": max(2, size // 2)}, hidden=8)
    _, socket = direct(workshop, shape)
    for seed in (1, 2, 3):
        answer = socket.request(inputs_of(shape, seed))
        check(set(answer) == {"test_output"}, expected="the output of test_output", came=shown(answer))


@statement("DIO-3")
def test_every_output_brick_answers(workshop: Workshop) -> None:
    """A request to a cluster with two output bricks is answered by one message for each, with its own size."""
    _, socket = direct(workshop, TWO_BRICKS)
    for seed in (1, 2, 3):
        answer = socket.request(inputs_of(TWO_BRICKS, seed))
        check(set(answer) == set(TWO_BRICKS.outputs), expected="both outputs", came=shown(answer))
    surplus = socket.finish()
    check(not surplus, expected="6 outputs to 3 requests", came=f"{len(surplus)} more messages")


@statement("DIO-3", "DIO-8")
def test_answers_belong_to_their_bricks(workshop: Workshop) -> None:
    """Each output brick answers with what it was trained to, not with the values of the other."""
    shape = ClusterShape({"test_input": 6}, {"output_a": 3, "output_b": 3}, hidden=8)
    _, socket = direct(workshop, shape)
    question = Part("test_input", vector(6, seed=1))
    high, low = np.full(3, 0.9, dtype=np.float32), np.full(3, 0.1, dtype=np.float32)
    for step in range(20 * STEPS):
        if step % STEPS == 0:
            answer = socket.request([question])
            apart = float(answer["output_a"].mean() - answer["output_b"].mean())
            if step and abs(apart) > 0.2:
                break
        socket.train([question, Part("output_a", high, expected=True), Part("output_b", low, expected=True)])
    check(apart > 0, expected="output_a, trained to 0.9, above output_b, trained to 0.1", came=shown(answer))


@statement("DIO-3")
def test_the_answer_depends_on_the_input(workshop: Workshop) -> None:
    """A trained cluster answers different inputs differently."""
    try:
        trained(workshop)
    except Unsupported as error:
        check(False, expected="different answers to inputs that were trained to different outputs", came=error)
    check(True, expected="", came="")


SPLITS: dict[str, list[int]] = {
    "in two": [5],
    "in three": [1, 11],
    "value by value": list(range(1, 12)),
    "after an empty message": [0],
    "before an empty last message": [12],
}


@statement("DIO-4")
@pytest.mark.parametrize("split", list(SPLITS))
def test_one_brick_may_be_filled_in_parts(workshop: Workshop, split: str) -> None:
    """Values for one brick give the same answer in one message and in several."""
    _, socket = trained(workshop)
    values = vector(12, seed=1)
    whole = socket.request([Part("test_input", values)])
    parts = [Part("test_input", piece) for piece in np.split(values, SPLITS[split])]
    expect_same(socket.request(parts), whole, f"the answer to the input at once, sent {split}")
    expect_same(socket.request([Part("test_input", values)]), whole, "the answer to the input at once, sent so again")


@statement("DIO-4")
def test_two_bricks_may_be_filled_in_any_order(workshop: Workshop) -> None:
    """Values for two bricks give the same answer whichever brick comes first, and in how many messages."""
    _, socket = trained(workshop, TWO_BRICKS)
    first, second = inputs_of(TWO_BRICKS, seed=1)
    whole = socket.request([first, second])
    expect_same(socket.request([second, first]), whole, "the same answer with the bricks in the other order")
    pieces = [
        Part("input_a", first.values[:3]),
        Part("input_b", second.values[:1]),
        Part("input_a", first.values[3:]),
        Part("input_b", second.values[1:]),
    ]
    expect_same(socket.request(pieces), whole, "the same answer with the bricks filled alternately")


@statement("DIO-4", "DIO-5")
def test_training_may_be_sent_in_parts(workshop: Workshop) -> None:
    """A TRAIN cycle whose values come in several messages trains as one whose values come at once."""
    answers = []
    for split in (False, True):
        _, socket = direct(workshop)
        before = socket.request(inputs_of(ONE_BRICK, seed=1))["test_output"]
        question, wanted = inputs_of(ONE_BRICK, seed=1)[0], wanted_of(ONE_BRICK, seed=1)[0]
        parts = [question, wanted]
        if split:
            parts = [Part("test_input", piece) for piece in np.split(question.values, [4, 9])]
            parts += [Part("test_output", piece, expected=True) for piece in np.split(wanted.values, [2])]
        for _ in range(STEPS):
            socket.train(parts)
        after = socket.request([question])["test_output"]
        answers.append((distance(before, wanted), distance(after, wanted)))
        socket.finish()
    came = "; ".join(f"distance {before:.4f} before, {after:.4f} after" for before, after in answers)
    check(answers[1][1] < answers[1][0], expected="parts to train toward the expected values", came=came)


def distance(answer: Values, wanted: Part) -> float:
    """Mean squared distance of an answer from the expected values."""
    return float(np.mean((answer.astype(np.float64) - wanted.values) ** 2))


@statement("DIO-5")
def test_training_is_answered_by_no_output(workshop: Workshop) -> None:
    """A TRAIN cycle is answered by no output of a brick; the next request gets its own answer."""
    _, socket = direct(workshop, TWO_BRICKS)
    for seed in (1, 2, 3):
        socket.train([*inputs_of(TWO_BRICKS, seed), *wanted_of(TWO_BRICKS, seed)])
    socket.request(inputs_of(TWO_BRICKS, seed=1))
    surplus = [message for message in socket.finish() if socket.is_output(socket.decode(message))]
    check(not surplus, expected="outputs for the request alone", came=f"{len(surplus)} more outputs")


@statement("DIO-5", "DIO-7")
def test_a_request_trains_nothing(workshop: Workshop) -> None:
    """Any number of requests leaves the cluster as it is, also after training."""
    _, socket = trained(workshop)
    before = socket.request(inputs_of(ONE_BRICK, seed=1))
    for seed in range(2, 22):
        socket.request(inputs_of(ONE_BRICK, seed))
    expect_same(socket.request(inputs_of(ONE_BRICK, seed=1)), before, "the answer as before 20 other requests")


@statement("DIO-5", "DIO-8")
def test_training_changes_the_answer(workshop: Workshop) -> None:
    """A TRAIN cycle is no request: it changes what the cluster answers."""
    _, socket = direct(workshop)
    before = socket.request(inputs_of(ONE_BRICK, seed=1))
    for _ in range(STEPS):
        socket.train([*inputs_of(ONE_BRICK, seed=1), *wanted_of(ONE_BRICK, seed=1)])
    after = socket.request(inputs_of(ONE_BRICK, seed=1))
    changed = any((after[name] != before[name]).any() for name in before)
    check(changed, expected=f"another answer than {shown(before)}", came="the same", statement="DIO-5")


@statement("DIO-6")
@pytest.mark.parametrize("process", [ProcessType.REQUEST, ProcessType.TRAIN])
def test_every_not_last_message_is_acknowledged(workshop: Workshop, process: ProcessType) -> None:
    """Each message with isLast = false is answered by one acknowledgement, which has isLast = false."""
    _, socket = direct(workshop)
    for begin in range(0, 12, 4):
        socket.post("test_input", vector(12, seed=1)[begin : begin + 4], is_last=False, process_type=process)
        message = socket.receive("an acknowledgement of a message with isLast = false")
        check(
            not message.is_last and not socket.is_output(message),
            expected="an acknowledgement with isLast = false",
            came=describe(message),
        )
    surplus = socket.finish()
    check(not surplus, expected="3 acknowledgements of 3 messages", came=f"{len(surplus)} more messages")


@statement("DIO-6")
def test_every_training_cycle_is_ended(workshop: Workshop) -> None:
    """Each last TRAIN message is answered by one message with isLast = true."""
    _, socket = direct(workshop)
    for _ in range(3):
        question, wanted = inputs_of(ONE_BRICK, seed=1)[0], wanted_of(ONE_BRICK, seed=1)[0]
        socket.post(question.name, question.values, is_last=False, process_type=ProcessType.TRAIN)
        socket.receive("an acknowledgement of a message with isLast = false")
        socket.post(wanted.name, wanted.values, is_last=True, process_type=ProcessType.TRAIN, expected=True)
        message = socket.receive("the end of the training cycle")
        check(
            message.is_last and not socket.is_output(message),
            expected="the end of the training cycle, with isLast = true",
            came=describe(message),
        )
    surplus = socket.finish()
    check(not surplus, expected="6 answers to 6 messages", came=f"{len(surplus)} more messages")


@statement("DIO-7")
def test_the_same_request_gives_the_same_answer(workshop: Workshop) -> None:
    """A request repeated on an unchanged cluster, at once and after others, gives the same answer."""
    _, socket = trained(workshop, TWO_BRICKS)
    wanted = socket.request(inputs_of(TWO_BRICKS, seed=1))
    for repeat in range(100):
        if repeat % 3 == 2:
            socket.request(inputs_of(TWO_BRICKS, seed=repeat))
        came = socket.request(inputs_of(TWO_BRICKS, seed=1))
        expect_same(came, wanted, f"the same answer at repetition {repeat + 1}")


@statement("DIO-7")
def test_an_answer_survives_a_new_socket(workshop: Workshop) -> None:
    """A request gives the same answer on the next socket of the same cluster."""
    cluster, socket = trained(workshop)
    wanted = socket.request(inputs_of(ONE_BRICK, seed=1))
    socket.finish()
    again = cluster.attach_again()
    for ordinal in ("first", "second", "third"):
        came = again.request(inputs_of(ONE_BRICK, seed=1))
        expect_same(came, wanted, f"the same answer to the {ordinal} request on another socket")


@statement("DIO-8")
@pytest.mark.parametrize("shape", [ONE_BRICK, TWO_BRICKS], ids=["one output", "two outputs"])
def test_training_moves_the_answer_toward_the_expected_values(workshop: Workshop, shape: ClusterShape) -> None:
    """Training a fixed pair again and again brings every output nearer to its expected values."""
    _, socket = direct(workshop, shape)
    question, wanted = inputs_of(shape, seed=1), wanted_of(shape, seed=1)
    before = socket.request(question)
    rounds = 10
    for _ in range(rounds):
        for _ in range(STEPS):
            socket.train([*question, *wanted])
        after = socket.request(question)
        if all(distance(after[part.name], part) < 0.5 * distance(before[part.name], part) for part in wanted):
            break
    for part in wanted:
        start, end = distance(before[part.name], part), distance(after[part.name], part)
        observe(f"distance of {part.name} from its expected values", f"{start:.4f} before training, {end:.4f} after")
        check(end < start, expected=f"{part.name} nearer than {start:.5f} to its expected values", came=f"{end:.5f}")


@statement("DIO-9")
def test_many_mixed_cycles_run_in_order(workshop: Workshop) -> None:
    """TRAIN and REQUEST cycles alternate on one socket, and each gets its own answer."""
    _, socket = trained(workshop)
    for seed in range(40):
        socket.train([*inputs_of(ONE_BRICK, seed), *wanted_of(ONE_BRICK, seed)])
        once = socket.request(inputs_of(ONE_BRICK, seed))
        twice = socket.request(inputs_of(ONE_BRICK, seed))
        expect_same(twice, once, f"the same answer twice after training cycle {seed + 1}")
    surplus = socket.finish()
    check(not surplus, expected="80 answers to 80 requests", came=f"{len(surplus)} more messages")


@statement("DIO-9")
def test_pipelined_requests_are_answered_in_order(workshop: Workshop) -> None:
    """Requests that are sent before the first answer is read are all answered, in order."""
    _, socket = trained(workshop)
    wanted = [socket.request(inputs_of(ONE_BRICK, seed)) for seed in range(8)]
    for seed in range(8):
        socket.post("test_input", inputs_of(ONE_BRICK, seed)[0].values, is_last=True)
    for seed in range(8):
        expect_same(socket.outputs(), wanted[seed], f"the answer to request {seed + 1} of 8")
    surplus = socket.finish()
    check(not surplus, expected="8 answers to 8 requests", came=f"{len(surplus)} more messages")


@statement("DIO-9")
def test_pipelined_parts_are_put_together_right(workshop: Workshop) -> None:
    """Cycles in several messages, sent before the first answer is read, are answered as one by one."""
    _, socket = trained(workshop, TWO_BRICKS)
    wanted = [socket.request(inputs_of(TWO_BRICKS, seed)) for seed in range(6)]
    for seed in range(6):
        first, second = inputs_of(TWO_BRICKS, seed)
        socket.post(first.name, first.values, is_last=False)
        socket.post(second.name, second.values, is_last=True)
    for seed in range(6):
        # Acknowledgements come in between; outputs() passes over them.
        expect_same(socket.outputs(), wanted[seed], f"the answer to request {seed + 1} of 6")


@statement("DIO-10")
def test_two_clusters_do_not_influence_each_other(workshop: Workshop) -> None:
    """Values and training of one cluster change nothing in another one, whose messages come in between."""
    workshop.target.budget.need(2)
    _, left = trained(workshop)
    _, right = direct(workshop)
    wanted = left.request(inputs_of(ONE_BRICK, seed=1))
    values = inputs_of(ONE_BRICK, seed=1)[0].values
    left.post("test_input", values[:5], is_last=False)
    left.acknowledged()
    for _ in range(STEPS):
        right.train([*inputs_of(ONE_BRICK, seed=1), *wanted_of(ONE_BRICK, seed=2)])
    right.request(inputs_of(ONE_BRICK, seed=3))
    left.post("test_input", values[5:], is_last=True)
    expect_same(left.outputs(), wanted, "the answer as before, while another cluster was trained")
    surplus = left.finish()
    check(not surplus, expected="no message that belongs to the other cluster", came=f"{len(surplus)} messages")


@statement("DIO-10")
def test_answers_go_to_their_own_socket(workshop: Workshop) -> None:
    """The answer to a request goes to the socket that asked, also where another cluster is asked at the same time."""
    workshop.target.budget.need(2)
    shapes = [
        ClusterShape({"test_input": 4}, {"test_output": 3}, hidden=5),
        ClusterShape({"test_input": 4}, {"test_output": 7}, hidden=5),
    ]
    sockets = [direct(workshop, shape)[1] for shape in shapes]
    for seed in range(5):
        for socket in sockets:
            socket.post("test_input", vector(4, seed), is_last=True)
        for socket in reversed(sockets):
            socket.outputs()


@statement("DIO-11")
@pytest.mark.parametrize("how", ["closed", "broken off", "broken off in a cycle"])
def test_a_new_socket_continues_after_a_lost_one(workshop: Workshop, how: str) -> None:
    """After a socket is gone, the next one attaches and works, and what was trained is kept."""
    cluster, socket = trained(workshop)
    wanted = socket.request(inputs_of(ONE_BRICK, seed=1))
    if how == "closed":
        socket.finish()
    else:
        if how.endswith("cycle"):
            socket.post("test_input", vector(5, seed=9), is_last=False)
            socket.acknowledged()
        socket.websocket.drop()
    again = cluster.attach_again()
    came = again.request(inputs_of(ONE_BRICK, seed=1))
    expect_same(came, wanted, "the answer of the trained cluster, as before the socket was lost")


@statement("DIO-11", "MODE-1")
def test_training_survives_a_switch_of_the_mode(workshop: Workshop) -> None:
    """What was trained is kept when the cluster is switched to task mode and back."""
    task, direct_mode = workshop.target.dialect.modes
    cluster, socket = trained(workshop)
    wanted = socket.request(inputs_of(ONE_BRICK, seed=1))
    socket.finish()
    with blaming("MODE-1"):
        cluster.set_mode(task).object()
        cluster.set_mode(direct_mode).object()
    came = cluster.attach_again().request(inputs_of(ONE_BRICK, seed=1))
    expect_same(came, wanted, "the answer of the trained cluster, as before the switch to task mode and back")


@statement("DIO-14")
def test_a_deleted_cluster_answers_no_more(workshop: Workshop) -> None:
    """Deleting a cluster ends the access of its socket; the server goes on."""
    cluster, socket = direct(workshop)
    socket.request(inputs_of(ONE_BRICK, seed=1))
    answer = cluster.delete()
    check(answer.status == 200, expected="200 to the DELETE", came=answer)
    expect_no_output(socket, "a deleted cluster")
    socket.finish()
    _, other = direct(workshop)
    other.request(inputs_of(ONE_BRICK, seed=1))


def expect_no_output(socket: BrickSocket, of: str) -> None:
    """A request must get no output: the connection is closed, or the answer is none."""
    if socket.websocket.ending is None:
        try:
            socket.post("test_input", vector(12, seed=1), is_last=True)
        except Dropped:
            check(socket.websocket.ending is not None, expected="a closed connection", came="an open one")
            return
    answer = socket.websocket.receive_or_end(f"the end of the access to {of}")
    output = isinstance(answer, Message) and not answer.text and socket.is_output(socket.decode(answer))
    check(not output, expected=f"no output of {of}", came=answer)
