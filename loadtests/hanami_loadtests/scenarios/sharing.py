"""Clients that share objects: an order of their overlapping operations must explain every answer."""

from __future__ import annotations

import contextlib
import random

import gevent

from hanami_conformance.stateful.overlap.history import ALONE, History
from hanami_loadtests.engine.failures import LoadFailure, release_frames
from hanami_loadtests.engine.overlap import check_window
from hanami_loadtests.engine.recorder import Stopwatch
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.scenarios.shared_cluster import SharedCluster
from hanami_loadtests.scenarios.shared_object import SharedClient, SharedObject
from hanami_loadtests.scenarios.shared_upload import SharedUpload
from hanami_reports.model.series import SHARED

CLIENTS = 4  # of each object
OBJECTS: tuple[type[SharedObject], ...] = (SharedUpload, SharedCluster)  # in turn


class SharedObjects(Scenario):
    """A user with several clients, which share one upload or cluster after the other.

    The clients belong to one user so that all times of one object are of one clock, that of a process.
    """

    name = "shared-objects"
    title = "four clients at once on one upload or cluster; some order must explain their answers"
    paced_by = "file"
    paced_series = SHARED

    def begin(self) -> None:
        """Set the initial state."""
        self._random = random.Random(f"{self.session.settings.seed} {self.number}")  # noqa: S311 - no secret
        self._objects = 0

    def work(self) -> None:
        """Let clients share one object, from its creation to its deletion."""
        watch = self.stopwatch(self.wait_turn())
        self.note_generator_delay(watch)
        self.recorder.sent(SHARED, watch)
        shared = OBJECTS[self._objects % len(OBJECTS)](self)
        self._objects += 1
        try:
            answered = self._use(shared, watch)
        except LoadFailure as error:
            self.recorder.failed(SHARED, watch, error)
            release_frames(error)
            self.back_off()
        except BaseException:  # the run has ended, or Locust kills the user
            self.recorder.cancelled(SHARED, watch)
            raise
        else:
            if answered is None:
                self.recorder.cancelled(SHARED, watch)
            else:
                self.recorder.succeeded(SHARED, watch, answered=answered)
        finally:
            if shared.uuid and not shared.is_deleted:
                self.delete(shared.kind, shared.uuid, shared.name)

    def _use(self, shared: SharedObject, watch: Stopwatch) -> float | None:
        """Let the clients work on an object, then check their answers.

        Returns:
            Time of the last answer, seconds of the clock; None if the object shows nothing, because no operations
            overlapped, or because there were too many orders to try.

        Raises:
            LoadFailure: If no order explains the answers, or there was none.
            RunFinished: If the run is over before anything is sent.
        """
        history, begun = History(), self.recorder.clock()
        with self.session.socket_limit.sockets(self.sockets) as waited:
            watch.queue_wait = waited
            if self.over():
                raise RunFinished
            failure = self._share(shared, history)
        answered = self.recorder.clock()
        if self.session.is_disturbed_since(begun):  # no order of operations explains what is lost
            if failure is not None:
                raise failure
            return None
        # The clients have nothing in flight, so that no time of theirs is longer for this.
        checked = check_window(history, shared.search, self.session.reduced_windows)
        self.session.reduced_windows += len(checked.counts.violations)
        self.recorder.overlap.add(checked.counts)
        if (reason := checked.failure or failure) is not None:
            raise reason
        return answered if checked.counts.explained and checked.counts.overlapping else None

    def _share(self, shared: SharedObject, history: History) -> Exception | None:
        """Let the clients work, and look at what they left; return why one of them could not go on."""
        clients = [self._client(number, shared, history) for number in (ALONE, *range(1, CLIENTS + 1))]
        alone, *together = clients
        try:
            shared.create()
            # Failures are raised in the greenlet of the user; in a child they would be printed as internal errors.
            children = [gevent.spawn(_share_caught, shared, client) for client in together]
            try:
                gevent.joinall(children)
            finally:
                gevent.killall(children)
            failure = next((child.value for child in children if child.value is not None), None)
            if failure is None and not self.over():
                shared.look(alone)
            return failure
        finally:
            with contextlib.ExitStack() as closing:
                for client in clients:
                    closing.callback(client.close)
                shared.close(history)

    def _client(self, number: int, shared: SharedObject, history: History) -> SharedClient:
        return SharedClient(self, number, history, shared.kind, random.Random(self._random.random()))  # noqa: S311


def _share_caught(shared: SharedObject, client: SharedClient) -> Exception | None:
    try:
        shared.share(client)
    except Exception as error:  # noqa: BLE001 - raised in the greenlet of the user
        return error
    return None
