"""Direct interaction: a cluster of one's own in direct mode, requests and training over one socket."""

from __future__ import annotations

import base64
import contextlib
import itertools
from collections.abc import Iterator
from typing import ClassVar

from hanami_conformance.resources.templates import render_template
from hanami_conformance.target.attach import CLUSTER
from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.direct_io_messages import (
    KINDS,
    REQUEST,
    TRAIN,
    Knowledge,
    new_knowledge,
    request_message,
    train_message,
)
from hanami_loadtests.engine.failures import LoadFailure
from hanami_loadtests.engine.stream import MessageStream, Outgoing
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario

ATTACH = "attach cluster"
HOLD = 1.0  # seconds that a socket is kept where others wait for the budget
TRAINS_OF_MIX = 4  # one message in so many trains


class NotMeasurable(LoadFailure):
    """The target does not answer what is to be measured."""

    kind = "not measurable"


class DirectScenario(Scenario):
    """Has a cluster, and a socket that is attached to it (direct interaction, steps 1 to 4)."""

    weight = 2
    trains: ClassVar[bool] = False
    paced_series = REQUEST

    def begin(self) -> None:
        """Nothing yet: a cluster that cannot be made is tried again."""
        self.uuid = ""
        self.direct = False
        self.cluster_name = ""
        self.knowledge: Knowledge = new_knowledge(self.session.dialect, self.session.settings.shape)

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:
        """Yield what is sent, without end.

        Args:
            knowledge: of the cluster.
            answers: messages that the target answers a training cycle with.
        """
        raise NotImplementedError

    def work(self) -> None:
        """Attach and send until the run is over, or something goes wrong."""
        if self.over():
            raise RunFinished
        try:
            if not self.uuid:
                self.make_cluster()
            if not self.direct:
                self.enter_direct_mode()
            with self.session.socket_limit.sockets(1):
                if self.over():
                    raise RunFinished
                with self.attached(self.uuid, CLUSTER, ATTACH) as connection:
                    self.talk(connection)
        except LoadFailure as error:
            self.note(error)
            self.back_off()
        if self.over():
            raise RunFinished

    def make_cluster(self) -> None:
        """Make a cluster from a template.

        Raises:
            LoadFailure: it cannot be made.
        """
        dialect, shape = self.session.dialect, self.session.settings.shape
        self.cluster_name = self.session.name("cluster")
        template = base64.b64encode(render_template(dialect.template, shape).encode()).decode()
        made = self.call("cluster.create", body={"name": self.cluster_name, "template": template})
        self.uuid = self.text(made, "uuid", "DIO-1")
        self.knowledge = new_knowledge(dialect, shape)
        self.knowledge.is_trained = self.trains

    def enter_direct_mode(self) -> None:
        """Switch the cluster to direct mode.

        Raises:
            LoadFailure: it cannot be switched.
        """
        self.switch(self.session.dialect.modes[1])
        self.direct = True

    def switch(self, mode: str) -> None:
        """Switch the mode of the cluster.

        Raises:
            LoadFailure: it cannot be switched.
        """
        self.call("cluster.set_mode", body={"uuid": self.uuid, "new_state": mode})

    def talk(self, connection: Connection) -> None:
        """Send messages until the run is over, or others wait for the socket."""
        settings, health = self.session.settings, self.session.health
        answers = self.habit(connection) if self.trains else 0
        until = clock() + HOLD

        def over() -> bool:
            return self.over() or (self.session.socket_limit.limit > 0 and clock() >= until)

        stream = MessageStream(
            connection,
            self.recorder,
            settings.window,
            settings.target.deadline,
            over,
            self.drain_end,
            health.record_generator_delay,
            self.knowledge.accept_unsolicited,
        )
        stream.run(self.messages(self.knowledge, answers), self.schedule)

    def habit(self, connection: Connection) -> int:
        """How many messages the target answers a training cycle with: those that come before the answer to a request.

        Raises:
            NotMeasurable: none, so that nobody can tell when a cycle ended.
        """
        deadline = self.session.settings.target.deadline
        before = self.knowledge.acknowledgements
        train, request = train_message(self.knowledge, 0, 0), request_message(self.knowledge, 0)
        connection.send(train.frame)
        # The acknowledgements of the request's own messages are told apart by asking once more.
        counts = []
        for _ in range(2):
            connection.send(request.frame)
            end = clock() + deadline
            while True:
                payload = connection.receive(end - clock())
                if payload is None:
                    raise NotMeasurable(f"no answer to a request after training within {deadline:g} s")
                if request.reply.verify(payload) >= 0:
                    break
            counts.append(self.knowledge.acknowledgements - before)
            before = self.knowledge.acknowledgements
        answers = counts[0] - counts[1]
        if answers <= 0:
            raise NotMeasurable("the target answers no training cycle, so nobody can tell when one ended (DIO-6)")
        return answers

    def clean_up(self) -> None:
        """Switch back to task mode and delete the cluster."""
        if not self.uuid:
            return
        try:
            if self.direct:
                with contextlib.suppress(LoadFailure):  # it is recorded, and the cluster is deleted all the same
                    self.switch(self.session.dialect.modes[0])
        except BaseException:  # we are ended by force
            self.session.leftovers.append(f"cluster {self.cluster_name}: there was no time to delete it")
            raise
        self.delete("cluster", self.uuid, self.cluster_name)


class DirectRequest(DirectScenario):
    """Requests to an untrained cluster: the same values, the same answer (requirement DIO-7)."""

    name = "direct-request"
    title = "direct-IO requests to an untrained cluster"
    weight = 4

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:  # noqa: ARG002 - nothing is trained
        """Yield requests with a few different values in turn."""
        return itertools.cycle([request_message(knowledge, kind) for kind in range(KINDS)])


class DirectTrain(DirectScenario):
    """Training cycles."""

    name = "direct-train"
    title = "direct-IO training"
    weight = 1
    trains = True
    paced_series = TRAIN

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:
        """Training cycles with a few different values in turn."""
        return itertools.cycle([train_message(knowledge, kind, answers) for kind in range(KINDS)])


class DirectMix(DirectScenario):
    """Requests and training on one socket, in order (requirement DIO-9)."""

    name = "direct-mix"
    title = "requests with training in between, on one socket"
    trains = True

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:
        """Yield requests, and a training cycle every so often."""
        requests = [request_message(knowledge, kind) for kind in range(KINDS)]
        trains = [train_message(knowledge, kind, answers) for kind in range(KINDS)]
        for number in itertools.count():
            kind = number % KINDS
            yield trains[kind] if number % TRAINS_OF_MIX == TRAINS_OF_MIX - 1 else requests[kind]
