"""Direct interaction, steps 1 and 4: switching the mode."""

from __future__ import annotations

from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs, train_once
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, untrained_cluster
from hanami_conformance.suite.support.invalid import INVALID_UUIDS, REST_TOKENS, invalid_header_token
from hanami_conformance.suite.support.near_misses import OTHER_CASE, near_misses
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.target.attach import CLUSTER, attach
from hanami_conformance.target.target import Account, Target

pytestmark = pytest.mark.parallel

TURNS = 10  # switches of one cluster to direct mode and back


def expect_usable(cluster: Cluster, requirement_id: str) -> None:
    """Check that the cluster is in direct mode: it accepts a socket, and answers training and a request."""
    with attribute_to(requirement_id):
        socket = cluster.reattach()
    with default_requirement(requirement_id):
        train_once(socket)
    socket.close()


def expect_switchable(cluster: Cluster) -> None:
    """Check that a cluster of whatever mode can be brought into the direct mode, and works there."""
    task, direct = cluster.account.target.dialect.modes
    cluster.set_mode(task)  # which may be its mode
    with attribute_to("MODE-1"):
        cluster.switch_when_released(direct)
    expect_usable(cluster, "MODE-1")


# MODE-1: PUT set_mode with new_state DIRECT switches an idle cluster from task to direct mode, and TASK switches it
# back.
@requirement("MODE-1")
def test_an_idle_cluster_switches_to_direct_and_back(resources: ResourceFactory) -> None:
    """An idle cluster can be switched to direct mode, where it is usable, and back, repeatedly."""
    task, direct = resources.target.dialect.modes
    cluster = resources.any_cluster(ONE_BRICK)
    for turn in range(TURNS):
        answer = cluster.set_mode(direct)
        require(answer.status == 200, expected=f"200 to switch {2 * turn + 1}, to {direct}", actual=answer)
        answer.object()
        if turn in (0, 1, TURNS - 1):
            expect_usable(cluster, "MODE-1")
            cluster.switch_when_released(task)
        else:
            answer = cluster.set_mode(task)
            state = answer.object().get("new_state", task)
            require(state == task, expected=f"new_state {task}", actual=answer)


@requirement("MODE-1")
def test_a_switch_affects_one_cluster_only(resources: ResourceFactory) -> None:
    """A switch changes the mode of the named cluster only."""
    clusters = [resources.cluster(ONE_BRICK) for _ in range(2)]
    for cluster in clusters:
        cluster.enter_direct_mode()
    answer = clusters[1].set_mode(resources.target.dialect.modes[0])
    require(answer.status == 200, expected="200 to the switch back to task mode", actual=answer)
    expect_usable(clusters[0], "MODE-1")


@requirement("MODE-1")
def test_the_answer_names_the_cluster_and_its_state(resources: ResourceFactory) -> None:
    """A uuid and a new_state in the answer to a switch are correct."""
    direct = resources.target.dialect.modes[1]
    cluster = resources.any_cluster(ONE_BRICK)
    answer = cluster.set_mode(direct)
    described = answer.object()
    require(described.get("uuid", cluster.uuid) == cluster.uuid, expected=f"uuid {cluster.uuid}", actual=answer)
    require(described.get("new_state", direct) == direct, expected=f"new_state {direct}", actual=answer)


# MODE-2: unknown states, ill-typed bodies, and unknown and foreign clusters are rejected (400, 404); a request without
# a token gets 401.
@requirement("MODE-2")
@pytest.mark.parametrize("state", ["direct", "Direct", "SLEEP", "", "DIRECT ", None, 1, True, ["DIRECT"], MISSING])
def test_an_unknown_state_is_rejected(resources: ResourceFactory, state: Any) -> None:
    """A state other than TASK and DIRECT gets 400, and the cluster keeps its mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    body = drop_missing({"uuid": cluster.uuid, "new_state": state})
    answer = resources.target.account.call("cluster.set_mode", body=body)
    text = "missing" if state is MISSING else repr(state)
    require(answer.status == 400, expected=f"400: new_state is {text}", actual=answer)
    expect_usable(cluster, "MODE-2")  # the rejected switch must not have switched to task mode


@requirement("MODE-2")
@pytest.mark.hostile
def test_a_state_is_compared_whole(resources: ResourceFactory) -> None:
    """A state that only resembles TASK gets a 4xx, and the cluster stays in direct mode."""
    task, _ = resources.target.dialect.modes
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    for change, near_miss in near_misses(task, OTHER_CASE):
        answer = cluster.set_mode(near_miss)
        require(answer.rejected, expected=f"a 4xx: new_state is {task} {change}", actual=answer)
    expect_usable(cluster, "MODE-2")


@requirement("MODE-2")
@pytest.mark.parametrize("kind", list(INVALID_UUIDS))
def test_an_unknown_cluster_is_rejected(target: Target, kind: str) -> None:
    """A switch of an unknown cluster gets 404, an invalid uuid 400."""
    body = drop_missing({"new_state": target.dialect.modes[1], "uuid": INVALID_UUIDS[kind]})
    answer = target.account.call("cluster.set_mode", body=body)
    expected = 404 if kind == "unknown" else 400
    require(answer.status == expected, expected=f"{expected}: the uuid is {kind}", actual=answer)


@requirement("MODE-2")
def test_a_dataset_has_no_mode(resources: ResourceFactory) -> None:
    """A switch of a dataset is rejected."""
    body = {"uuid": resources.csv(10).uuid, "new_state": resources.target.dialect.modes[1]}
    answer = resources.target.account.call("cluster.set_mode", body=body)
    require(answer.rejected, expected="a 4xx: the uuid is that of a dataset", actual=answer)


@requirement("MODE-2", "GEN-3")
def test_a_cluster_of_another_user_is_rejected(resources: ResourceFactory, other_account: Account) -> None:
    """A switch of another user's cluster gets 404, also to the mode that it has, and the cluster keeps its mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    for mode in resources.target.dialect.modes:
        answer = other_account.call("cluster.set_mode", body={"uuid": cluster.uuid, "new_state": mode})
        require(answer.status == 404, expected="404: the cluster belongs to another user", actual=answer)
    with attribute_to("MODE-2"):  # the rejected switch must not have switched
        cluster.enter_direct_mode()
    expect_usable(cluster, "MODE-2")


@requirement("MODE-2")
@pytest.mark.parametrize("token", REST_TOKENS)
def test_switching_needs_a_valid_token(resources: ResourceFactory, token: str) -> None:
    """A switch without a valid token gets 401, and the cluster keeps its mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    body = {"uuid": cluster.uuid, "new_state": resources.target.dialect.modes[1]}
    answer = resources.target.call("cluster.set_mode", body=body, token=invalid_header_token(token, resources.target))
    require(answer.status == 401, expected=f"401: the token is {token}", actual=answer)
    with attribute_to("MODE-2"):  # the rejected switch must not have switched
        cluster.enter_direct_mode()
    expect_usable(cluster, "MODE-2")


@requirement("MODE-2")
def test_a_body_that_is_no_object_is_rejected(target: Target) -> None:
    """A body that is not a JSON object gets 400."""
    route = target.dialect.route("cluster.set_mode")
    for content in (b"", b"DIRECT", b"[]", b'"DIRECT"', b"null", b'{"uuid": '):
        answer = target.rest.request(route.method, route.path, token=target.account.token, content=content)
        require(answer.status == 400, expected=f"400 to the body {content!r}", actual=answer)


# MODE-3: setting the current mode again; switching back with a socket attached; attaching in task mode.
@requirement("MODE-3", "MODE-1")
def test_answer_to_setting_the_same_mode(resources: ResourceFactory) -> None:
    """Record the answer to a switch to the current mode; the cluster can be switched and used afterwards."""
    task, direct = resources.target.dialect.modes
    cluster = resources.any_cluster(ONE_BRICK)
    observe(f"{task} in task mode", cluster.set_mode(task))
    cluster.set_mode(direct)
    observe(f"{direct} in direct mode", cluster.set_mode(direct))
    expect_switchable(cluster)


@requirement("MODE-3", "MODE-1")
def test_effect_of_switching_back_on_a_socket(resources: ResourceFactory) -> None:
    """Record the answer to a switch back to task mode with a socket attached, and its effects."""
    cluster, socket = direct_cluster(resources, ANY_SHAPE)
    observe("TASK with a socket attached", cluster.set_mode(resources.target.dialect.modes[0]))
    try:
        socket.request(sample_inputs(socket.shape, seed=1))
    except Violation as violation:
        observe("a request on that socket", violation.actual)
    else:
        observe("a request on that socket", "an output")
    socket.close()
    expect_switchable(cluster)


# GEN-2: no input of a client ends the server or blocks it for others.
@requirement("GEN-2")
@pytest.mark.hostile
def test_an_open_cycle_does_not_hold_up_the_switch(resources: ResourceFactory) -> None:
    """A switch back to task mode is answered even during an unfinished cycle."""
    cluster, socket = untrained_cluster(resources, ANY_SHAPE)
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values, is_last=False)
    socket.receive_acknowledgement()
    answer = cluster.set_mode(resources.target.dialect.modes[0])
    require(not answer.failed, expected="an answer below 500 to the switch in an open cycle", actual=answer)


@requirement("MODE-3", "MODE-1")
def test_answer_to_attaching_in_task_mode(resources: ResourceFactory) -> None:
    """Record the answer to a socket for a cluster in task mode; the cluster can be switched and used afterwards."""
    cluster = resources.any_cluster(ONE_BRICK)
    try:
        attach(cluster.account, cluster.uuid, CLUSTER).close()
    except Violation as violation:
        observe("attaching in task mode", f"rejected: {violation.actual}")
    else:
        observe("attaching in task mode", "accepted")
    expect_switchable(cluster)
