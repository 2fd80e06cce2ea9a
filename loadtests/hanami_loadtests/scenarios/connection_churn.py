"""Clients that come and go: a storm of sockets, and clients that behave badly beside honest users."""

from __future__ import annotations

import gevent

from hanami_conformance.target.attach import FILE_UPLOAD
from hanami_loadtests.engine.connection import clock
from hanami_loadtests.engine.failures import LoadFailure
from hanami_loadtests.engine.frames import binary_frame
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.scenarios.upload import ATTACH

ANNOUNCED = 1 << 20  # bytes of the upload that sockets attach to
UNREAD = 200  # chunks whose acknowledgements a slow reader does not read
SLOW = 0.5  # seconds that it does nothing
PIECE = 1000  # bytes of a chunk


class _WithFile(Scenario):
    """Has an upload that sockets can attach to."""

    paced_series = ATTACH

    def begin(self) -> None:
        """Nothing yet."""
        self.uuid = ""
        self.file = ""
        self.upload_name = ""

    def make(self) -> None:
        """Begin the upload."""
        self.upload_name = self.session.name(self.name.split("-")[0])
        begun = self.call("csv.init", body={"name": self.upload_name, "input_data_size": ANNOUNCED})
        self.uuid, self.file = self.text(begun, "uuid", "INIT-2"), self.text(begun, "uuid_input_file", "INIT-2")

    def work(self) -> None:
        """Come and go once."""
        if self.over():
            raise RunFinished
        try:
            if not self.uuid:
                self.make()
            due = self.wait_turn()
            with self.session.socket_limit.sockets(1) as waited:
                if self.over():
                    raise RunFinished
                self.visit(due + waited)
        except LoadFailure as error:
            self.note(error)
            self.back_off()
        if self.over():
            raise RunFinished

    def visit(self, due: float) -> None:
        """Open a socket and end it.

        Args:
            due: when it was due.
        """
        raise NotImplementedError

    def clean_up(self) -> None:
        """Delete the upload."""
        if self.uuid:
            self.delete("dataset", self.uuid, self.upload_name)


class ConnectionChurn(_WithFile):
    """Connects, attaches, and leaves at once (requirements ATT-1, ATT-2)."""

    name = "connection-churn"
    title = "connect and attach storm: sockets that come and go"

    def visit(self, due: float) -> None:
        """Attach and close."""
        with self.attached(self.file, FILE_UPLOAD, ATTACH, due):
            pass


class MisbehavingClient(_WithFile):
    """Reads slowly, stops in the middle of a frame, breaks off: others must not notice (requirement GEN-4)."""

    name = "misbehaving-clients"
    title = "slow readers and abrupt closers, to be run beside honest users"
    paced_by = "nothing"  # how often it comes is no promise to anybody

    def visit(self, due: float) -> None:
        """Behave badly, in one of three ways by turns."""
        chunk = binary_frame(self.session.dialect.codec.encode_chunk(0, bytes(PIECE)))
        way = self.session.number() % 3
        with self.attached(self.file, FILE_UPLOAD, ATTACH, due) as connection:
            if way == 0:
                for _ in range(UNREAD):
                    connection.send(chunk)
                self._do_nothing()
            elif way == 1:
                connection.send(chunk[: PIECE // 2])
                self._do_nothing()
            connection.reset()

    def _do_nothing(self) -> None:
        end = clock() + SLOW
        while not self.over() and clock() < end:
            gevent.sleep(0.05)
