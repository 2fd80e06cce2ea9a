"""Connection churn, and misbehaving clients beside well-behaved ones."""

from __future__ import annotations

import gevent

from hanami_conformance.target.attach import FILE_UPLOAD
from hanami_loadtests.engine.connection import clock
from hanami_loadtests.engine.failures import LoadFailure
from hanami_loadtests.engine.frames import binary_frame
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.scenarios.survival import UPLOAD, Survival
from hanami_loadtests.scenarios.upload import ATTACH

ANNOUNCED = 1 << 20  # bytes of the upload that sockets attach to
UNREAD = 200  # chunks whose acknowledgements a slow reader does not read
STALL_SECONDS = 0.5  # time for which a misbehaving client does nothing
CHUNK = 1000  # bytes


class _AttachScenario(Scenario):
    """A user with an upload to which sockets attach."""

    paced_series = ATTACH

    def begin(self) -> None:
        """Set the initial state."""
        self.uuid = ""
        self.file = ""
        self.upload_name = ""
        self.survival = Survival(self, UPLOAD)

    def begin_upload(self) -> None:
        """Begin the upload."""
        self.upload_name = self.session.name(self.name.split("-")[0])
        begun = self.call("csv.init", body={"name": self.upload_name, "input_data_size": ANNOUNCED})
        self.uuid, self.file = self.text(begun, "uuid", "INIT-2"), self.text(begun, "uuid_input_file", "INIT-2")
        self.survival.made()

    def work(self) -> None:
        """Connect and disconnect once."""
        if self.over():
            raise RunFinished
        self.survival.asking()
        try:
            if not self.uuid:
                self.begin_upload()
            scheduled = self.wait_turn()
            with self.session.socket_limit.sockets(1) as waited:
                if self.over():
                    raise RunFinished
                self.connect(scheduled + waited)
                self.survival.found()
        except LoadFailure as error:
            self.record_untimed(error)
            if self.uuid and self.survival.is_lost(error):
                self.uuid = ""
            self.back_off()
        if self.over():
            raise RunFinished

    def connect(self, scheduled: float) -> None:
        """Open a socket and end it.

        Args:
            scheduled: Scheduled time, seconds of the clock.
        """
        raise NotImplementedError

    def clean_up(self) -> None:
        """Delete the upload."""
        if self.uuid:
            self.delete("dataset", self.uuid, self.upload_name)


class ConnectionChurn(_AttachScenario):
    """A user that connects, attaches and disconnects at once (requirements ATT-1, ATT-2)."""

    name = "connection-churn"
    title = "connect, attach and disconnect at once"

    def connect(self, scheduled: float) -> None:
        """Attach and close."""
        with self.attached(self.file, FILE_UPLOAD, ATTACH, scheduled):
            pass


class MisbehavingClient(_AttachScenario):
    """A client that reads slowly, stalls within a frame, or resets: others must not be affected (GEN-4)."""

    name = "misbehaving-clients"
    title = "slow readers and abrupt disconnects, to be run beside other scenarios"
    paced_by = "nothing"  # its rate is of no interest

    def connect(self, scheduled: float) -> None:
        """Misbehave in one of three ways, in turn."""
        chunk = binary_frame(self.session.dialect.codec.encode_chunk(0, bytes(CHUNK)))
        kind = self.session.number() % 3
        with self.attached(self.file, FILE_UPLOAD, ATTACH, scheduled) as connection:
            if kind == 0:
                for _ in range(UNREAD):
                    connection.send(chunk)
                self._stall()
            elif kind == 1:
                connection.send(chunk[: CHUNK // 2])
                self._stall()
            connection.reset()

    def _stall(self) -> None:
        end = clock() + STALL_SECONDS
        while not self.over() and clock() < end:
            gevent.sleep(0.05)
