"""Records of clients that each make one mistake, by the requirement that it violates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.record import CLUSTER, FILE
from hanami_conformance.client_mode.scenario import Scenario
from support.client_records import (
    CLUSTER_UUID,
    CONTENTS,
    DATASET,
    DIALECT,
    EXPECTED,
    INPUT,
    LABELS,
    PASSWORD,
    TOKEN,
    VALUES,
    RecordBuilder,
    interaction,
    upload,
)

FIRST_DATASET = "uuid-first-dataset"  # of an upload that is replaced by another one


def no_token() -> RecordBuilder:
    builder = upload()
    builder.call("dataset.get", {"uuid": DATASET}, token=None)
    return builder


def token_of_another_header() -> RecordBuilder:
    builder = upload()
    builder.call("dataset.get", {"uuid": DATASET}, token="Bearer abc")
    return builder


def token_in_a_query() -> RecordBuilder:
    builder = upload()
    builder.call("dataset.get", {"uuid": DATASET}, query=f"&token={TOKEN}")
    return builder


def password_in_a_handshake() -> RecordBuilder:
    builder = upload()
    builder.close(builder.socket(FILE, INPUT, path=f"/?password={PASSWORD}"))
    return builder


def invalid_body() -> RecordBuilder:
    builder = upload()
    builder.call("mnist.init", {}, status=400)
    return builder


def unknown_path() -> RecordBuilder:
    builder = upload()
    builder.call("dataset.get", {"uuid": DATASET}, status=404).operation = ""
    return builder


def uuid_of_the_dataset() -> RecordBuilder:
    builder = upload()
    builder.close(builder.socket(FILE, DATASET, accepted=False))
    return builder


def unknown_target() -> RecordBuilder:
    builder = upload()
    builder.close(builder.socket("files", INPUT, accepted=False))
    return builder


def data_before_the_acceptance() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT)
    builder.chunk(socket, 0, CONTENTS["input"])
    socket.messages[1], socket.messages[2] = socket.messages[2], socket.messages[1]
    socket.messages[1].at, socket.messages[2].at = socket.messages[2].at, socket.messages[1].at
    socket.accepted = socket.messages[2].at
    builder.close(socket)
    return builder


def data_after_a_rejection() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT, accepted=False)
    builder.send(socket, DIALECT.codec.encode_chunk(0, b"x"))
    builder.close(socket)
    return builder


def text_message() -> RecordBuilder:
    builder = interaction()
    builder.record.sockets[0].data[0].is_text = True
    return builder


def raw_bytes() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT)
    builder.send(socket, b"\xff\xff\xff")
    builder.answer(socket, DIALECT.codec.encode_acknowledgement(False, "no"))
    builder.close(socket)
    return builder


def closed_before_an_answer() -> RecordBuilder:
    builder = upload()
    builder.record.sockets[0].answers[-1].delivered = False
    return builder


def ended_without_a_close_frame() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT)
    builder.close(socket, frame=False)
    return builder


def many_connections() -> RecordBuilder:
    builder = upload()
    builder.record.most_open = 5
    return builder


def wrong_size() -> RecordBuilder:
    builder = upload()
    builder.init({"input_data_size": 199})
    return builder


def size_as_text() -> RecordBuilder:
    builder = upload()
    builder.init({"input_data_size": "200"})
    return builder


def labels_on_the_socket_of_the_images() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT)
    builder.chunk(socket, 0, CONTENTS["labels"])
    builder.close(socket)
    return builder


def two_sockets_for_a_file() -> RecordBuilder:
    builder = upload()
    first, second = builder.socket(FILE, INPUT), builder.socket(FILE, INPUT)
    builder.close(second)
    builder.close(first)
    return builder


def wrong_position() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT)
    builder.chunk(socket, 1, CONTENTS["input"][:10])
    builder.close(socket)
    return builder


def other_bytes_in_a_repetition() -> RecordBuilder:
    builder = upload()
    socket = builder.socket(FILE, INPUT)
    builder.chunk(socket, 0, b"\x00" * 10)
    builder.close(socket)
    return builder


def rejected_chunk_not_repeated() -> RecordBuilder:
    builder = RecordBuilder("mnist")
    builder.init()
    socket = builder.socket(FILE, INPUT)
    builder.chunk(socket, 0, CONTENTS["input"], success=False)
    builder.close(socket)
    builder.send_file(LABELS, CONTENTS["labels"])
    builder.progress()
    builder.put()
    return builder


def last_byte_not_sent() -> RecordBuilder:
    builder = RecordBuilder("mnist")
    builder.init()
    builder.send_file(INPUT, CONTENTS["input"][:-1])
    builder.send_file(LABELS, CONTENTS["labels"])
    builder.progress()
    builder.put()
    return builder


def last_byte_not_sent_and_no_put() -> RecordBuilder:
    builder = last_byte_not_sent()
    builder.record.requests.pop()
    builder.record.exit_status, builder.record.output = 1, "the upload is never complete"
    return builder


def put_without_progress() -> RecordBuilder:
    builder = RecordBuilder("mnist")
    builder.init()
    builder.send_file(INPUT, CONTENTS["input"])
    builder.send_file(LABELS, CONTENTS["labels"])
    builder.put()
    return builder


def put_after_incomplete_progress() -> RecordBuilder:
    builder = put_without_progress()
    builder.record.requests.pop()
    builder.progress(complete=False)
    builder.put()
    return builder


def loop_without_pauses() -> RecordBuilder:
    builder = upload()
    for _ in range(12):
        builder.progress(complete=False)
    polls = builder.record.of("dataset.progress")
    for earlier, later in pairwise(polls):
        later.at = earlier.answered + 0.001
        later.answered = later.at + 0.005
    return builder


def swapped_uuids() -> RecordBuilder:
    builder = upload()
    builder.put(uuid_input_file=LABELS, uuid_label_file=INPUT)
    return builder


def attached_in_the_task_mode() -> RecordBuilder:
    builder = interaction()
    del builder.record.requests[0]
    return builder


def switch_was_rejected() -> RecordBuilder:
    builder = interaction()
    builder.record.requests[0].status = 404
    return builder


def left_in_the_direct_mode() -> RecordBuilder:
    builder = interaction()
    builder.record.requests.pop()
    return builder


def one_message(brick: str, values: Sequence[float], **form: Any) -> RecordBuilder:
    """Return the record of a client that sends one message for a cluster more than it needs to."""
    builder = interaction()
    socket = builder.socket(CLUSTER, CLUSTER_UUID)
    builder.values(socket, brick, values, **form)
    builder.close(socket)
    return builder


def last_in_every_message() -> RecordBuilder:
    builder = interaction()
    socket = builder.socket(CLUSTER, CLUSTER_UUID)
    builder.values(socket, "test_input", VALUES, is_last=True)
    builder.values(socket, "test_output", EXPECTED, is_last=True)
    builder.close(socket)
    builder.switch("TASK")
    return builder


def last_in_no_message() -> RecordBuilder:
    return one_message("test_input", VALUES)


def wrong_number_of_values() -> RecordBuilder:
    return one_message("test_input", VALUES, train=False, is_last=True, count=16)


def value_that_is_not_finite() -> RecordBuilder:
    return one_message("test_input", [*VALUES[:3], float("nan")], train=False, is_last=True)


def unknown_input() -> RecordBuilder:
    return one_message("input", VALUES)


def output_in_a_request() -> RecordBuilder:
    return one_message("test_output", EXPECTED, train=False)


def too_many_values() -> RecordBuilder:
    return one_message("test_input", [*VALUES, 0.5], train=False, is_last=True)


def placeholder_handed_over() -> RecordBuilder:
    builder = interaction()
    builder.record.outputs = {"test_output": [0.0]}
    return builder


def nothing_handed_over() -> RecordBuilder:
    builder = interaction()
    builder.record.outputs, builder.hands_over = None, True
    return builder


def success_without_the_put() -> RecordBuilder:
    builder = upload()
    builder.record.requests.pop()
    return builder


def success_after_a_rejected_put() -> RecordBuilder:
    builder = upload()
    put = builder.record.requests[-1]
    put.status = put.server_status = 400
    return builder


def success_although_the_scenario_excludes_it() -> RecordBuilder:
    builder = upload()
    builder.scenario = replace(builder.scenario, must="fail")
    return builder


def failure_with_a_right_server() -> RecordBuilder:
    builder = upload()
    builder.record.exit_status, builder.record.output = 1, "no idea"
    return builder


def goes_on() -> RecordBuilder:
    builder = upload()
    rules = (Rule("chunk", "reject", times=0),)
    builder.scenario = Scenario("mnist-x", "mnist", "every chunk is rejected", "fail", rules, ("mnist.finalize",))
    builder.record.disturbed = builder.record.sockets[0].messages[2].at
    return builder


def waits_for_what_was_rejected() -> RecordBuilder:
    builder = RecordBuilder("mnist")
    builder.init()
    socket = builder.socket(FILE, INPUT)
    builder.chunk(socket, 0, CONTENTS["input"][:1], success=False)
    builder.chunk(socket, 1, CONTENTS["input"][1:])
    builder.close(socket)
    builder.send_file(LABELS, CONTENTS["labels"])
    for _ in range(3):
        builder.progress(complete=False)
    return builder


def does_not_end() -> RecordBuilder:
    builder = upload()
    builder.record.exit_status = None
    return builder


def repeats_without_a_limit() -> RecordBuilder:
    builder = upload()
    for _ in range(21):
        builder.call("mnist.init", {}, status=500)
    return builder


def trains_twice() -> RecordBuilder:
    builder = training_without_an_answer()
    socket = builder.socket(CLUSTER, CLUSTER_UUID)
    builder.values(socket, "test_input", VALUES)
    builder.values(socket, "test_output", EXPECTED, is_last=True)
    builder.close(socket)
    return builder


def training_without_an_answer() -> RecordBuilder:
    """Return the record of a client that received no answer to its training, and gave up."""
    builder = RecordBuilder("direct")
    builder.scenario = Scenario("direct-x", "direct", "the end of the training is lost", "either")
    builder.switch("DIRECT")
    socket = builder.socket(CLUSTER, CLUSTER_UUID)
    builder.values(socket, "test_input", VALUES)
    builder.values(socket, "test_output", EXPECTED, is_last=True)
    socket.answers[-1].delivered, socket.answers[-1].is_disturbed = False, True
    builder.close(socket)
    builder.switch("TASK")
    builder.record.exit_status, builder.record.output = 1, "no answer"
    return builder


def begins_an_upload_twice() -> RecordBuilder:
    builder = leaves_an_upload_behind()
    first = builder.record.requests[0]
    first.status, first.answer, first.is_disturbed = 0, b"", True
    return builder


def leaves_an_upload_behind() -> RecordBuilder:
    """Return the record of a client that began another upload before the one that it finalized."""
    builder = upload()
    sizes = {"input_data_size": len(CONTENTS["input"]), "label_data_size": len(CONTENTS["labels"])}
    builder.call("mnist.init", {"name": "digits", **sizes}, {"uuid": FIRST_DATASET})
    builder.record.requests.insert(0, builder.record.requests.pop())
    return builder


def fails_without_a_word() -> RecordBuilder:
    builder = failure_with_a_right_server()
    builder.record.output = " \n"
    return builder


def prints_the_token() -> RecordBuilder:
    builder = upload()
    builder.record.output = f"sending {json.dumps({'token': TOKEN})}"
    return builder


MISTAKES: dict[str, tuple[Callable[[], RecordBuilder], ...]] = {
    "CLI-1": (no_token, token_of_another_header),
    "CLI-2": (token_in_a_query, password_in_a_handshake),
    "CLI-3": (invalid_body, unknown_path),
    "CLI-4": (uuid_of_the_dataset, unknown_target),
    "CLI-5": (data_before_the_acceptance, data_after_a_rejection),
    "CLI-6": (text_message, raw_bytes),
    "CLI-7": (closed_before_an_answer,),
    "CLI-8": (ended_without_a_close_frame,),
    "CLI-9": (many_connections,),
    "CLI-10": (wrong_size, size_as_text),
    "CLI-11": (labels_on_the_socket_of_the_images, two_sockets_for_a_file),
    "CLI-12": (wrong_position, other_bytes_in_a_repetition),
    "CLI-13": (rejected_chunk_not_repeated, last_byte_not_sent, last_byte_not_sent_and_no_put),
    "CLI-14": (put_without_progress, put_after_incomplete_progress),
    "CLI-15": (loop_without_pauses,),
    "CLI-16": (swapped_uuids,),
    "CLI-17": (attached_in_the_task_mode, switch_was_rejected),
    "CLI-18": (left_in_the_direct_mode,),
    "CLI-19": (last_in_every_message, last_in_no_message),
    "CLI-20": (wrong_number_of_values, value_that_is_not_finite),
    "CLI-21": (unknown_input, output_in_a_request, too_many_values),
    "CLI-22": (placeholder_handed_over, nothing_handed_over),
    "CLI-23": (success_without_the_put, success_after_a_rejected_put, success_although_the_scenario_excludes_it),
    "CLI-24": (failure_with_a_right_server,),
    "CLI-25": (goes_on, waits_for_what_was_rejected),
    "CLI-26": (does_not_end,),
    "CLI-27": (repeats_without_a_limit,),
    "CLI-28": (fails_without_a_word, prints_the_token),
    "CLI-29": (trains_twice,),
    "CLI-30": (begins_an_upload_twice, leaves_an_upload_behind),
}
