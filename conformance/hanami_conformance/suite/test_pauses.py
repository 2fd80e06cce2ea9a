"""General: pauses of seconds within both workflows."""

from __future__ import annotations

import time

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.clusters import expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.sample_data import TWO_INPUTS
from hanami_conformance.suite.support.uploads import send_chunks, small_contents, split_into_chunks, start_upload

pytestmark = pytest.mark.parallel

CHUNK = 100  # bytes


@requirement("DATA-1", "INIT-4", "MODE-1", "DIO-2")
def test_a_pause_of_seconds_changes_nothing(resources: ResourceFactory, pause_seconds: float) -> None:
    """Both workflows go on after a pause: between two chunks, between POST and socket, in a cycle and before it."""
    resources.target.connection_limit.require(2)
    contents, model = small_contents("csv")
    parts = split_into_chunks(len(contents["input"]), CHUNK)
    begun, open_upload = start_upload(resources, contents), start_upload(resources, contents)
    unattached, closed = trained_cluster(resources)
    question = sample_inputs(unattached.shape, seed=1)
    expected = closed.request(question)
    closed.close()
    _, cycle_socket = trained_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    expected_of_cycle = cycle_socket.request([first, second])
    file_socket = open_upload.attach()
    send_chunks(file_socket, contents["input"], parts[:1])
    cycle_socket.send(first.name, first.values, is_last=False)
    cycle_socket.receive_acknowledgement()

    time.sleep(pause_seconds)

    with attribute_to("DIO-2"):
        cycle_socket.send(second.name, second.values, is_last=True)
        actual = cycle_socket.receive_outputs()
    what = f"the answer to a cycle with a pause of {pause_seconds:g} s"
    expect_same(resources, cycle_socket, actual, expected_of_cycle, what, "DIO-2")
    cycle_socket.close()
    with attribute_to("DATA-1"):
        send_chunks(file_socket, contents["input"], parts[1:])
        file_socket.close()
    expect_intact(open_upload, model, "an upload with a pause between two chunks")
    with attribute_to("INIT-4"):
        begun.write_all(contents)
    expect_intact(begun, model, "an upload with a pause between its POST and its socket")
    with attribute_to("MODE-1"):
        again = unattached.reattach()
        actual = again.request(question)
    expect_same(resources, again, actual, expected, "the answer as before a pause without a socket", "MODE-1")
