"""Direct interaction, steps 1 and 4: switching the mode."""

from __future__ import annotations

from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.invalid import INVALID_UUIDS, OMITTED, invalid_token
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.target.attach import CLUSTER, attach
from hanami_conformance.target.target import Account, Target

TURNS = 10  # switches to and fro of one cluster


def expect_usable(cluster: Cluster) -> None:
    """The cluster, in direct mode, must answer a request."""
    socket = cluster.reattach()
    socket.request(sample_inputs(socket.shape, seed=1))
    socket.close()


# MODE-1: PUT set_mode with new_state DIRECT switches an idle cluster from task to direct mode, TASK switches it back.
@requirement("MODE-1")
def test_an_idle_cluster_switches_to_direct_and_back(resources: ResourceFactory) -> None:
    """The server switches an idle cluster to direct mode, where it answers a socket, and back, time and again."""
    task, direct = resources.target.dialect.modes
    cluster = resources.any_cluster(ONE_BRICK)
    for turn in range(TURNS):
        answer = cluster.set_mode(direct)
        require(answer.status == 200, expected=f"200 to switch {2 * turn + 1}, to {direct}", actual=answer)
        answer.object()
        if turn in (0, 1, TURNS - 1):
            expect_usable(cluster)
            cluster.switch_when_released(task)
        else:
            answer = cluster.set_mode(task)
            told = answer.object().get("new_state", task)
            require(told == task, expected=f"new_state {task}", actual=answer)


@requirement("MODE-1")
def test_a_switch_is_of_one_cluster_alone(resources: ResourceFactory) -> None:
    """The server switches the cluster that is named, and no other one."""
    clusters = [resources.cluster(ONE_BRICK) for _ in range(2)]
    for cluster in clusters:
        cluster.enter_direct_mode()
    answer = clusters[1].set_mode(resources.target.dialect.modes[0])
    require(answer.status == 200, expected="200 to the switch back to task mode", actual=answer)
    with attribute_to("MODE-1"):
        expect_usable(clusters[0])


@requirement("MODE-1")
def test_the_answer_names_the_cluster_and_its_state(resources: ResourceFactory) -> None:
    """The server answers the switch with the uuid of the cluster and its new state, where it names them."""
    direct = resources.target.dialect.modes[1]
    cluster = resources.any_cluster(ONE_BRICK)
    answer = cluster.set_mode(direct)
    told = answer.object()
    require(told.get("uuid", cluster.uuid) == cluster.uuid, expected=f"uuid {cluster.uuid}", actual=answer)
    require(told.get("new_state", direct) == direct, expected=f"new_state {direct}", actual=answer)


# MODE-2: unknown states, ill-typed bodies, unknown and foreign clusters are refused (400, 404), no token 401.
@requirement("MODE-2")
@pytest.mark.parametrize("state", ["direct", "Direct", "SLEEP", "", "DIRECT ", None, 1, True, ["DIRECT"], OMITTED])
def test_an_unknown_state_is_refused(resources: ResourceFactory, state: Any) -> None:
    """The server answers 400 to a state that is neither TASK nor DIRECT; the cluster keeps its mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    body = {"uuid": cluster.uuid} | ({} if state is OMITTED else {"new_state": state})
    answer = resources.target.account.call("cluster.set_mode", body=body)
    shown = "missing" if state is OMITTED else repr(state)
    require(answer.status == 400, expected=f"400: new_state is {shown}", actual=answer)
    with attribute_to("MODE-2"):  # the refused switch may not have switched to task mode
        expect_usable(cluster)


@requirement("MODE-2")
@pytest.mark.parametrize("kind", list(INVALID_UUIDS))
def test_an_unknown_cluster_is_refused(target: Target, kind: str) -> None:
    """The server answers 404 to an unknown cluster, and 400 to a uuid that is none."""
    uuid = INVALID_UUIDS[kind]
    body = {"new_state": target.dialect.modes[1]} | ({} if uuid is OMITTED else {"uuid": uuid})
    answer = target.account.call("cluster.set_mode", body=body)
    wanted = 404 if kind == "unknown" else 400
    require(answer.status == wanted, expected=f"{wanted}: the uuid is {kind}", actual=answer)


@requirement("MODE-2")
def test_a_dataset_has_no_mode(resources: ResourceFactory) -> None:
    """The server refuses to switch what is no cluster."""
    body = {"uuid": resources.csv(10).uuid, "new_state": resources.target.dialect.modes[1]}
    answer = resources.target.account.call("cluster.set_mode", body=body)
    require(answer.rejected, expected="a 4xx: the uuid is that of a dataset", actual=answer)


@requirement("MODE-2", "GEN-3")
def test_another_users_cluster_is_refused(resources: ResourceFactory, other_account: Account) -> None:
    """The server answers 404 to another user's cluster, which keeps its mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    body = {"uuid": cluster.uuid, "new_state": resources.target.dialect.modes[1]}
    answer = other_account.call("cluster.set_mode", body=body)
    require(answer.status == 404, expected="404: the cluster belongs to another user", actual=answer)
    with attribute_to("MODE-2"):  # the refused switch may not have switched
        cluster.enter_direct_mode()
        expect_usable(cluster)


@requirement("MODE-2")
@pytest.mark.parametrize("token", ["missing", "malformed", "tampered", "unsigned", "expired"])
def test_switching_needs_a_valid_token(resources: ResourceFactory, token: str) -> None:
    """The server answers 401 to a switch whose token is not valid; the cluster keeps its mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    made = invalid_token(token, resources.target)
    body = {"uuid": cluster.uuid, "new_state": resources.target.dialect.modes[1]}
    answer = resources.target.call("cluster.set_mode", body=body, token=None if made is OMITTED else made)
    require(answer.status == 401, expected=f"401: the token is {token}", actual=answer)
    with attribute_to("MODE-2"):  # the refused switch may not have switched
        cluster.enter_direct_mode()
        expect_usable(cluster)


@requirement("MODE-2")
def test_a_body_that_is_no_object_is_refused(target: Target) -> None:
    """The server answers 400 to a switch whose body is no JSON object."""
    route = target.dialect.route("cluster.set_mode")
    for content in (b"", b"DIRECT", b"[]", b'"DIRECT"', b"null", b'{"uuid": '):
        answer = target.rest.request(route.method, route.path, token=target.account.token, content=content)
        require(answer.status == 400, expected=f"400 to the body {content!r}", actual=answer)


# MODE-3: setting the mode that is already set; switching back with a socket attached; attaching in task mode.
@requirement("MODE-3")
def test_what_setting_the_same_mode_does(resources: ResourceFactory) -> None:
    """The answer to a switch to the mode that is already set."""
    task, direct = resources.target.dialect.modes
    cluster = resources.any_cluster(ONE_BRICK)
    observe(f"{task} in task mode", cluster.set_mode(task))
    cluster.set_mode(direct)
    observe(f"{direct} in direct mode", cluster.set_mode(direct))


@requirement("MODE-3")
def test_what_switching_back_does_to_a_socket(resources: ResourceFactory) -> None:
    """The answer to a switch back to task mode while a socket is attached, and what becomes of the socket."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    socket = cluster.attach()
    observe("TASK with a socket attached", cluster.set_mode(resources.target.dialect.modes[0]))
    try:
        socket.request(sample_inputs(socket.shape, seed=1))
    except Violation as violation:
        observe("a request on that socket", violation.actual)
    else:
        observe("a request on that socket", "an output")


# GEN-2: no input of a client ends or blocks the server for others.
@requirement("GEN-2")
@pytest.mark.hostile
def test_an_open_cycle_does_not_hold_up_the_switch(resources: ResourceFactory) -> None:
    """The server answers a switch back to task mode, whatever it says, also while a cycle was begun and not ended."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    socket = cluster.attach()
    (question,) = sample_inputs(socket.shape, seed=1)
    socket.send(question.name, question.values[:2], is_last=False)
    socket.receive_acknowledgement()
    answer = cluster.set_mode(resources.target.dialect.modes[0])
    require(answer.status < 500, expected="an answer below 500 to the switch in an open cycle", actual=answer)


@requirement("MODE-3")
def test_what_attaching_in_task_mode_does(resources: ResourceFactory) -> None:
    """The answer to a socket for a cluster in task mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    try:
        attach(cluster.account, cluster.uuid, CLUSTER).close()
    except Violation as violation:
        observe("attaching in task mode", f"refused: {violation.actual}")
    else:
        observe("attaching in task mode", "accepted")
