"""Uploads: init, one socket a file, chunks in a window, progress, finalize, verified content, delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import gevent
import numpy as np
from numpy.typing import NDArray

from hanami_conformance.resources.readback import first_difference
from hanami_conformance.resources.retry import POLL
from hanami_conformance.resources.upload import MIB
from hanami_conformance.target.attach import FILE_UPLOAD
from hanami_loadtests.engine.connection import Connection, clock
from hanami_loadtests.engine.failures import IncorrectAnswer, LoadFailure, release_frames
from hanami_loadtests.engine.recorder import Stopwatch
from hanami_loadtests.engine.rest import ServerError
from hanami_loadtests.engine.schedule import Schedule
from hanami_loadtests.engine.stream import MessageStream, Outgoing
from hanami_loadtests.engine.upload_messages import Content, csv_content, mnist_content
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario
from hanami_loadtests.scenarios.survival import DATASET, Survival
from hanami_loadtests.session import Session
from hanami_reports.model.series import FILE

ATTACH = "attach file"
SAMPLE = 200  # rows of a column that are read back
SAMPLE_VALUES = 20_000  # most numbers that are read back


@dataclass
class KeptDataset:
    """A dataset that was uploaded and verified, and is verified again where the server was restarted.

    Attributes:
        content: Content of its files.
        uuid: Uuid of the dataset.
        name: Name of the dataset.
        survival: Whether it outlives restarts of the server.
    """

    content: Content
    uuid: str
    name: str
    survival: Survival


class UploadScenario(Scenario):
    """A user that uploads one dataset after the other (upload, steps 1 to 5).

    In a run whose faults restart the server, the last dataset is deleted only when the next one is there.
    """

    paced_by: ClassVar[str] = "file"
    paced_series = FILE
    kind: ClassVar[str]
    scattered: ClassVar[bool] = False
    uuid = ""  # of the dataset in progress
    upload_name = ""
    kept: KeptDataset | None = None

    @classmethod
    def prepare(cls, session: Session) -> None:
        """Serialise and mask whole files, which takes long."""
        for variant in range(session.content_variants):
            cls.content_for(session, variant)

    @classmethod
    def content_for(cls, session: Session, variant: int) -> Content:
        """Return a content, made once."""
        settings = session.settings
        make = csv_content if cls.kind == "csv" else mnist_content
        content: Content = session.cached(
            (cls.kind, cls.scattered, variant),
            partial(make, session.dialect, settings.file, settings.chunk, variant, scattered=cls.scattered),
        )
        return content

    def content(self) -> Content:
        """Return the next content; users share a few in turn."""
        return self.content_for(self.session, self.session.number() % self.session.content_variants)

    def work(self) -> None:
        """Upload once."""
        self.verify_kept()
        content = self.content()
        watch = self.stopwatch(self.wait_turn())
        self.note_generator_delay(watch)
        self.recorder.sent(FILE, watch)
        try:
            self.upload(content, watch)
        except RunFinished:
            self.recorder.cancelled(FILE, watch)
            raise
        except IncorrectAnswer as error:
            self.recorder.failed(FILE, watch, error, content.sequence(error))
            self.back_off()
        except LoadFailure as error:
            self.recorder.failed(FILE, watch, error)
            release_frames(error)
            self.back_off()
        except BaseException:  # Locust kills the user; unanswered parts are recorded on their own
            self.recorder.cancelled(FILE, watch)
            raise
        else:
            self.recorder.succeeded(FILE, watch, up=content.size)
            if any(fault.restarts for fault in self.recorder.faults):
                self.keep(content)
        finally:
            uuid, self.uuid = self.uuid, ""
            if uuid:
                self.delete("dataset", uuid, self.upload_name)

    def keep(self, content: Content) -> None:
        """Keep the dataset of this upload, so that the one that was kept so far is deleted in its place."""
        self.verify_kept()
        before, self.kept = self.kept, KeptDataset(content, self.uuid, self.upload_name, Survival(self, DATASET))
        self.uuid, self.upload_name = ("", "") if before is None else (before.uuid, before.name)

    def verify_kept(self) -> None:
        """Verify the kept dataset once more if the server was restarted since (requirements FIN-1, FIN-2)."""
        kept = self.kept
        if kept is None or not kept.survival.is_in_doubt:
            return
        kept.survival.asking()
        try:
            self.rest.call("dataset.get", {"uuid": kept.uuid}).object()
        except LoadFailure as error:
            if kept.survival.is_lost(error):
                self.kept = None
            elif isinstance(error, ServerError | IncorrectAnswer):
                self.record_untimed(error)
            return  # else the server may not be there yet
        kept.survival.found()
        try:
            self.expect_content(kept.content, kept.uuid)
        except LoadFailure as error:
            self.record_untimed(error)

    def clean_up(self) -> None:
        """Delete the kept dataset."""
        self.verify_kept()
        kept, self.kept = self.kept, None
        if kept is not None:
            self.delete("dataset", kept.uuid, kept.name)

    def upload(self, content: Content, watch: Stopwatch) -> None:
        """Upload a content and verify the dataset that the target makes of it.

        Args:
            content: Content of the files.
            watch: Times of the whole upload; the wait for sockets is subtracted.

        Raises:
            LoadFailure: If an exchange fails.
            RunFinished: If the run is over before all is sent.
        """
        self.upload_name = self.session.name(self.kind)
        sizes = {f"{role}_data_size": len(file) for role, file in content.files.items()}
        begun = self.call(f"{self.kind}.init", body={"name": self.upload_name, **sizes})
        self.uuid = uuid = self.text(begun, "uuid", "INIT-1")
        files = {role: self.text(begun, f"uuid_{role}_file", "INIT-1") for role in content.files}
        with self.session.socket_limit.sockets(self.sockets) as waited:
            watch.queue_wait = waited
            if self.over():
                raise RunFinished
            self.send_all(content, files)
        self.expect_complete(uuid)
        body = {"uuid": uuid, **{f"uuid_{role}_file": file for role, file in files.items()}}
        extra = self.session.dialect.finalize_seconds_per_mib * content.size / MIB
        self.call(f"{self.kind}.finalize", body=body, extra=extra, must="FIN-1")
        self.expect_content(content, uuid)

    def send_all(self, content: Content, files: Mapping[str, str]) -> None:
        """Send the files, each over its socket, at the same time.

        Args:
            content: Content of the files.
            files: Role to uuid.
        """
        if len(files) == 1:
            for role, uuid in files.items():
                self.send_file(content, role, uuid)
            return
        # Failures are raised in the greenlet of the user; in a child they would be printed as internal errors.
        children = [gevent.spawn(self._send_file_caught, content, role, uuid) for role, uuid in files.items()]
        try:
            gevent.joinall(children)
        finally:
            gevent.killall(children)
        failures = [child.value for child in children if child.value is not None]
        if failures:
            raise min(failures, key=_rank)

    def _send_file_caught(self, content: Content, role: str, uuid: str) -> Exception | None:
        try:
            self.send_file(content, role, uuid)
        except Exception as error:  # noqa: BLE001 - raised in the greenlet of the user
            return error
        return None

    def send_file(self, content: Content, role: str, uuid: str) -> None:
        """Send the chunks of one file over a socket (upload, step 3)."""
        with self.attached(uuid, FILE_UPLOAD, ATTACH) as connection:
            self.send_chunks(connection, content, role)
            connection.close()
            if connection.unsolicited:
                raise IncorrectAnswer("DATA-1", "one answer to each chunk", "more answers than chunks")

    def send_chunks(self, connection: Connection, content: Content, role: str) -> None:
        """Send all chunks of a file."""
        self.send(connection, content.messages[role])

    def send(self, connection: Connection, messages: Sequence[Outgoing]) -> None:
        """Send chunks, a window of them in flight, until all are acknowledged.

        Raises:
            LoadFailure: If an exchange fails.
            RunFinished: If the run is over before all is sent.
        """
        settings = self.session.settings
        sent = 0

        def counted() -> Iterator[Outgoing]:
            nonlocal sent
            for message in messages:
                yield message
                sent += 1

        stream = MessageStream(
            connection,
            self.recorder,
            settings.window,
            settings.target.deadline,
            self.over,
            self.drain_end,
            lambda _: None,
            _reject_unsolicited,
        )
        stream.run(counted(), Schedule(0.0, clock()))
        if sent < len(messages):
            raise RunFinished

    def expect_complete(self, uuid: str) -> None:
        """Query the progress until it is complete (requirement PROG-3)."""
        end = clock() + self.session.settings.target.deadline
        while not self.progress(uuid):
            if clock() >= end:
                raise IncorrectAnswer("PROG-3", "complete = true after the last acknowledgement", "complete = false")
            gevent.sleep(POLL)

    def progress(self, uuid: str) -> bool:
        """Return ``complete`` of the progress."""
        complete = self.call("dataset.progress", {"uuid": uuid}).get("complete")
        if not isinstance(complete, bool):
            raise IncorrectAnswer("PROG-1", "a JSON object with boolean complete", f"complete = {complete!r:.60}")
        return complete

    def expect_content(self, content: Content, uuid: str) -> None:
        """Compare rows, columns and some values, as far as the target shows them (FIN-1, FIN-2)."""
        dialect, model = self.session.dialect, content.model
        described = self.call("dataset.get", {"uuid": uuid})
        for key in dialect.rows_keys:
            if key in described and described[key] != model.rows:
                raise IncorrectAnswer("FIN-1", f"{model.rows} rows", f"{key} = {described[key]!r:.60}")
        for group in dialect.columns_keys:
            if all(isinstance(described.get(key), int) for key in group):
                width = sum(described[key] for key in group)
                if width not in model.widths:
                    raise IncorrectAnswer("FIN-1", f"{' or '.join(map(str, sorted(model.widths)))} columns", f"{width}")
        names = described.get("description")
        columns = [name for name in model.columns if not isinstance(names, dict) or name in names]
        if dialect.has_content and columns:
            self.expect_values(content, uuid, columns[self.session.number() % len(columns)])

    def expect_values(self, content: Content, uuid: str, column: str) -> None:
        """Read back some rows of a column and compare them (requirement FIN-2)."""
        model = content.model
        width = model.columns[column].shape[1]
        rows = min(SAMPLE, model.rows, self.session.dialect.content_rows, max(1, SAMPLE_VALUES // width))
        begin = (self.session.number() * SAMPLE) % (model.rows - rows + 1)
        params = {
            "uuid": uuid,
            "column_name": column,
            "row_offset": str(begin),
            "number_of_rows": str(rows),
        }
        actual = read_cells(self.call("dataset.content", params), column)
        if not model.rows_slice(begin, rows).matches(column, actual):
            expected = model.columns[column][begin : begin + rows]
            raise IncorrectAnswer(
                "FIN-2", f"column {column!r} as uploaded, from row {begin}", first_difference(expected, actual)
            )


def read_cells(found: Mapping[str, Any], column: str) -> NDArray[np.float32]:
    """Return the values in the answer to a request for content, shape (rows, width).

    Raises:
        IncorrectAnswer: If they are no numbers.
    """
    data = found.get("data")
    cells = [row if isinstance(row, list) else [row] for row in data] if isinstance(data, list) else []
    try:
        return np.array(cells, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise IncorrectAnswer("FIN-2", f"numbers in column {column!r}", str(error)) from error


def _rank(error: Exception) -> int:
    """Return the rank of an error: internal errors first, then incorrect answers, other failures, end of run."""
    kinds = (IncorrectAnswer, LoadFailure, RunFinished)
    return next((place for place, kind in enumerate(kinds, start=1) if isinstance(error, kind)), 0)


def _reject_unsolicited(payload: bytes) -> None:
    raise IncorrectAnswer("DATA-1", "one answer to each chunk", f"one more, of {len(payload)} bytes")


class CsvUpload(UploadScenario):
    """A user that uploads a table over one socket."""

    name = "csv-upload"
    title = "CSV upload: a table over one socket"
    kind = "csv"
    weight = 3


class MnistUpload(UploadScenario):
    """A user that uploads images and labels over two sockets at the same time (requirement DATA-8)."""

    name = "mnist-upload"
    title = "MNIST upload: images and labels over two sockets at the same time"
    kind = "mnist"
    sockets = 2
    weight = 2


class ScatteredUpload(UploadScenario):
    """A user that sends chunks out of order and one in ten twice (PROG-2, DATA-2, DATA-4)."""

    name = "scattered-upload"
    title = "upload with chunks out of order, one in ten of them twice"
    kind = "mnist"
    scattered = True

    def send_all(self, content: Content, files: Mapping[str, str]) -> None:
        """Send one file after the other, and check the progress in between."""
        # The input file, which has most chunks, is the last: only its own last chunk is then missing.
        for role in reversed(list(files)):
            super().send_all(content, {role: files[role]})
            if role != next(iter(files)):
                self.expect_incomplete("a file is missing")

    def send_chunks(self, connection: Connection, content: Content, role: str) -> None:
        """Send all chunks of a file, and check the progress before the last one."""
        if content.completes_with_last_chunk(role):
            *before, last = content.messages[role]
            self.send(connection, before)
            self.expect_incomplete("a chunk is missing")
            self.send(connection, [last])
        else:
            super().send_chunks(connection, content, role)

    def expect_incomplete(self, why: str) -> None:
        """Query the progress, which must be incomplete (requirement PROG-2)."""
        if self.progress(self.uuid):
            raise IncorrectAnswer("PROG-2", f"complete = false: {why}", "complete = true")
