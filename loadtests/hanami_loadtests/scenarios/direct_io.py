"""Direct interaction: each user has a cluster in direct mode, with requests and training over one socket."""

from __future__ import annotations

import base64
import contextlib
import itertools
from collections.abc import Iterator
from typing import ClassVar

from hanami_conformance.clients.cluster_messages import ClusterShape
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
from hanami_loadtests.engine.failures import LoadFailure, NotMeasurable
from hanami_loadtests.engine.stream import MessageStream, Outgoing
from hanami_loadtests.scenarios import survival
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.scenarios.survival import Survival
from hanami_proto.dialect import Dialect

ATTACH = "attach cluster"
HOLD_SECONDS = 1.0  # time for which a socket is kept where others wait for one
MIX_TRAINING_EVERY = 4  # messages; the last of them trains


def cluster_body(dialect: Dialect, name: str, shape: ClusterShape) -> dict[str, str]:
    """Return the body of the request that creates a cluster."""
    template = base64.b64encode(render_template(dialect, shape).encode()).decode()
    return {"name": name, "template": template}


class DirectScenario(Scenario):
    """A user with a cluster and a socket that is attached to it (direct interaction, steps 1 to 4)."""

    weight = 2
    trains: ClassVar[bool] = False
    paced_series = REQUEST

    def begin(self) -> None:
        """Set the initial state; :meth:`work` creates the cluster, again and again until it succeeds."""
        self.uuid = ""
        self.direct = False
        self.survival = Survival(self, survival.CLUSTER)
        self.is_sized = True
        self.cluster_name = ""
        self.knowledge: Knowledge = new_knowledge(self.session.dialect, self.session.settings.shape)

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:
        """Yield the messages to send, without end.

        Args:
            knowledge: State of the cluster.
            answers: Number of messages with which the target answers a training cycle.
        """
        raise NotImplementedError

    def work(self) -> None:
        """Attach and send until the run is over or an exchange fails."""
        if self.over():
            raise RunFinished
        self.survival.asking()
        try:
            if not self.uuid:
                self.create_cluster()
            if not self.direct:
                self.enter_direct_mode()
            with self.session.socket_limit.sockets(1):
                if self.over():
                    raise RunFinished
                with self.attached(self.uuid, CLUSTER, ATTACH) as connection:
                    self.survival.found()
                    self.exchange_messages(connection)
        except LoadFailure as error:
            self.record_untimed(error)
            if self.uuid and self.survival.is_lost(error):
                self.uuid, self.direct = "", False
            self.back_off()
        if self.over():
            raise RunFinished

    def create_cluster(self) -> None:
        """Create a cluster from a template.

        Raises:
            LoadFailure: If it cannot be created.
        """
        dialect, shape = self.session.dialect, self.session.settings.shape
        self.cluster_name = self.session.name("cluster")
        made = self.call("cluster.create", body=cluster_body(dialect, self.cluster_name, shape))
        self.uuid = self.text(made, "uuid", "DIO-1")
        self.survival.made()
        self.knowledge = new_knowledge(dialect, shape)
        self.knowledge.is_trained = self.trains
        self.is_sized = dialect.has_sizes

    def enter_direct_mode(self) -> None:
        """Switch the cluster to direct mode.

        Raises:
            LoadFailure: If it cannot be switched.
        """
        self.set_mode(self.session.dialect.modes[1])
        self.direct = True

    def set_mode(self, mode: str) -> None:
        """Switch the mode of the cluster.

        Raises:
            LoadFailure: If it cannot be switched.
        """
        self.call("cluster.set_mode", body={"uuid": self.uuid, "new_state": mode})

    def exchange_messages(self, connection: Connection) -> None:
        """Send messages until the run is over or other users wait for a socket."""
        settings, health = self.session.settings, self.session.health
        # Where templates give no sizes, the first training cycle does.
        answers = self.count_training_replies(connection) if self.trains or not self.is_sized else 0
        self.is_sized = True
        until = clock() + HOLD_SECONDS

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

    def count_training_replies(self, connection: Connection) -> int:
        """Return the number of messages with which the target answers a training cycle.

        These are the messages that arrive before the answer to a request that follows the cycle.

        Raises:
            NotMeasurable: If there are none, so that the end of a cycle cannot be observed.
        """
        deadline = self.session.settings.target.deadline
        before = self.knowledge.acknowledgements
        train, request = train_message(self.knowledge, 0, 0), request_message(self.knowledge, 0)
        connection.send(train.frame)
        # A second request shows how many acknowledgements belong to the request itself.
        counts = []
        for _ in range(2):
            connection.send(request.frame)
            end = clock() + deadline
            while True:
                payload = connection.receive(end - clock())
                if payload is None or clock() > end:
                    raise NotMeasurable(f"no answer to a request after training within {deadline:g} s")
                if request.reply.verify(payload) >= 0:
                    break
            counts.append(self.knowledge.acknowledgements - before)
            before = self.knowledge.acknowledgements
        answers = counts[0] - counts[1]
        if answers <= 0:
            raise NotMeasurable("the target answers no training cycle, so the end of one cannot be observed (DIO-6)")
        return answers

    def clean_up(self) -> None:
        """Switch back to task mode and delete the cluster."""
        if not self.uuid:
            return
        try:
            if self.direct:
                with contextlib.suppress(LoadFailure):  # recorded, and the cluster is deleted anyway
                    self.set_mode(self.session.dialect.modes[0])
        except BaseException:  # Locust kills the user
            self.session.leftovers.append(f"cluster {self.cluster_name}: there was no time to delete it")
            raise
        self.delete("cluster", self.uuid, self.cluster_name)


class DirectRequest(DirectScenario):
    """A user that sends requests to an untrained cluster: same values, same answer (requirement DIO-7)."""

    name = "direct-request"
    title = "direct-IO requests to an untrained cluster"
    weight = 4

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:  # noqa: ARG002 - no training
        """Return requests with a few different values in turn."""
        return itertools.cycle([request_message(knowledge, kind) for kind in range(KINDS)])


class DirectTrain(DirectScenario):
    """A user that runs training cycles."""

    name = "direct-train"
    title = "direct-IO training"
    weight = 1
    trains = True
    paced_series = TRAIN

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:
        """Return training cycles with a few different values in turn."""
        return itertools.cycle([train_message(knowledge, kind, answers) for kind in range(KINDS)])


class DirectMix(DirectScenario):
    """A user that sends requests and training cycles over one socket, in order (requirement DIO-9)."""

    name = "direct-mix"
    title = "requests with training in between, on one socket"
    trains = True

    def messages(self, knowledge: Knowledge, answers: int) -> Iterator[Outgoing]:
        """Yield requests with training cycles in between."""
        requests = [request_message(knowledge, kind) for kind in range(KINDS)]
        trains = [train_message(knowledge, kind, answers) for kind in range(KINDS)]
        for number in itertools.count():
            kind = number % KINDS
            yield trains[kind] if number % MIX_TRAINING_EVERY == MIX_TRAINING_EVERY - 1 else requests[kind]
