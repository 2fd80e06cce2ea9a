"""Stories of uploads: several at once, chunks in any order, lost sockets, early and late finalizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from conformance.checks import Dropped, blaming, check
from conformance.clients.file_socket import FileSocket, describe
from conformance.models.dataset import DatasetModel, csv_table, idx_images, idx_labels
from conformance.readback import check_dataset
from conformance.resources import Upload
from conformance.stories.step import Step, StoryError
from conformance.target import Account
from conformance.text import plural
from conformance.workshop import Workshop

IMAGES_HEADER = 16
LABELS_HEADER = 8
CLASSES = 10
MOST_UPLOADS = 3
ACTS = frozenset(
    ("begin", "attach", "write", "pipeline", "fill", "garbage", "close", "drop", "poll", "finalize", "delete")
)


@dataclass
class ToldUpload:
    """An upload of a story.

    Attributes:
        upload: on the target, with the models of its files.
        right: role to the bytes that make a valid file.
        state: ``open``, ``finalized`` or ``deleted``.
    """

    upload: Upload
    right: dict[str, bytes]
    state: str = "open"

    def data(self, role: str, position: int, length: int, variant: int) -> bytes:
        """Bytes for a chunk: right ones, or others that make a valid file as well.

        Args:
            role: of the file.
            position: where they belong.
            length: how many; beyond the end of the file zeros follow.
            variant: 0 for the right bytes, another number for others in place of pixels and labels.
        """
        whole = self.right[role]
        part = bytearray(whole[position : position + length].ljust(length, b"\0"))
        if variant and self.upload.kind == "mnist":
            header = IMAGES_HEADER if role == "input" else LABELS_HEADER
            modulus = 256 if role == "input" else CLASSES
            for index in range(max(0, header - position), min(length, max(0, len(whole) - position))):
                part[index] = (part[index] + variant) % modulus
        return bytes(part)

    def model(self) -> DatasetModel:
        """The dataset that the acknowledged bytes make."""
        contents = {role: file.model.content.tobytes() for role, file in self.upload.files.items()}
        if self.upload.kind == "csv":
            lines = contents["input"].decode().splitlines()
            rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]], dtype=np.float32)
            return DatasetModel.of_table(lines[0].split(","), rows)
        count = len(contents["label"]) - LABELS_HEADER
        pixels = np.frombuffer(contents["input"], dtype=np.uint8, offset=IMAGES_HEADER)
        labels = np.frombuffer(contents["label"], dtype=np.uint8, offset=LABELS_HEADER)
        return DatasetModel.of_images(pixels.reshape(count, 1, -1), labels)


@dataclass
class ToldSocket:
    """A socket of a story: the upload and the file that it is attached to."""

    socket: FileSocket
    of: ToldUpload
    role: str


@dataclass
class UploadTeller:
    """Acts stories of uploads out.

    Args:
        workshop: makes the uploads, and deletes them.
        accounts: who may upload; a story names them by number.
    """

    workshop: Workshop
    accounts: Sequence[Account]
    uploads: list[ToldUpload] = field(default_factory=list)
    sockets: list[ToldSocket] = field(default_factory=list)

    def tell(self, steps: Sequence[Step]) -> None:
        """Act a story out, and bring it to an end: what is open is completed, finalized and read back.

        A step that has nothing to act on is passed over, so that any part of a story is a story.

        Raises:
            Violation: the target did something else than the model.
        """
        for step in steps:
            if step.do not in ACTS:
                raise StoryError(f"step {step.do!r}: no such step, choose one of {', '.join(sorted(ACTS))}")
            getattr(self, f"_{step.do}")(step)
        for told in self.uploads:
            self._end(told)

    def _begin(self, step: Step) -> None:
        if len(self.uploads) >= MOST_UPLOADS:
            return
        account = self.accounts[step.number("user") % len(self.accounts)]
        if step.text("kind") == "csv":
            values = np.random.default_rng(step.number("size")).normal(size=(1 + step.number("size") % 20, 2))
            right = {"input": csv_table(("first", "second"), values.astype(np.float32))}
            upload = self.workshop.csv(len(right["input"]), account)
        else:
            right = mnist_files(step.number("size"), step.number("count"))
            upload = self.workshop.mnist(len(right["input"]), len(right["label"]), account)
        self.uploads.append(ToldUpload(upload, right))

    def _attach(self, step: Step) -> None:
        files = [(told, role) for told in self.uploads if told.state == "open" for role in told.upload.files]
        if not files:
            return
        told, role = files[step.number("file") % len(files)]
        self._make_room(told, role)
        self.sockets.append(ToldSocket(told.upload.attach_again(role), told, role))

    def _make_room(self, of: ToldUpload, role: str) -> None:
        """Close sockets for one more: within the budget, and one for each file, since more are left open (ATT-8)."""
        for told in [told for told in self.sockets if told.of is of and told.role == role]:
            told.socket.finish()
            self._forget(told)
        while len(self.sockets) >= self.workshop.target.budget.limit:
            self.sockets.pop(0).socket.finish()

    def _socket(self, step: Step) -> ToldSocket | None:
        return self.sockets[step.number("socket") % len(self.sockets)] if self.sockets else None

    def _write(self, step: Step) -> None:
        told = self._socket(step)
        if told is not None:
            self._chunks(told, [(step.number("position"), step.number("length"), step.number("variant"))])

    def _pipeline(self, step: Step) -> None:
        told = self._socket(step)
        if told is not None:
            self._chunks(told, [(first, second, third) for first, second, third in step.triples("chunks")])

    def _fill(self, step: Step) -> None:
        told = self._socket(step)
        if told is None:
            return
        gaps = missing_spans(told.socket.model.known, max(step.number("chunk"), told.socket.model.size // 40 + 1))
        if step.text("order") == "descending":
            gaps.reverse()
        elif step.text("order") == "shuffled":
            gaps = [gaps[index] for index in np.random.default_rng(7).permutation(len(gaps))]
        for begin, end in gaps:
            self._chunks(told, [(begin, end - begin, step.number("variant"))])

    def _chunks(self, told: ToldSocket, chunks: Sequence[tuple[int, int, int]]) -> None:
        """Send chunks one behind the other, then read all answers, and compare each with the model."""
        socket = told.socket
        sent = [(position, told.of.data(told.role, position, length, variant)) for position, length, variant in chunks]
        try:
            for position, data in sent:
                socket.post(position, data)
            for position, data in sent:
                self._answer(told, position, data)
        except Dropped:
            # The server may close the sockets of an upload that is over; it must not close others.
            if told.of.state == "open":
                raise
            self._forget(told)

    def _answer(self, told: ToldSocket, position: int, data: bytes) -> None:
        fits = told.socket.model.fits(position, data)
        with blaming("DATA-1" if fits else "DATA-5"):
            acknowledgement = told.socket.acknowledgement()
        where = f"{plural(len(data), 'byte')} at {position} of {told.socket.model.size}"
        if told.of.state != "open":
            if data:
                came = describe(acknowledgement)
                wanted = f"success = false to {where}: the upload is {told.of.state}"
                check(not acknowledgement.success, expected=wanted, came=came, statement="DEL-1")
            return
        if not data:
            return  # what becomes of empty data is left open
        wanted = f"success = {str(fits).lower()} to {where}"
        statement = "DATA-3" if fits else "DATA-5"
        check(acknowledgement.success == fits, expected=wanted, came=describe(acknowledgement), statement=statement)
        told.socket.model.write(position, data)

    def _garbage(self, step: Step) -> None:
        told = self._socket(step)
        if told is None or told.of.state != "open":
            return
        told.socket.post_bytes(step.data("bytes"), "bytes that are no FileUpload_Message")
        with blaming("DATA-6"):
            acknowledgement = told.socket.acknowledgement()
        wanted = "success = false to bytes that are no FileUpload_Message"
        check(not acknowledgement.success, expected=wanted, came=describe(acknowledgement), statement="DATA-6")

    def _close(self, step: Step) -> None:
        told = self._socket(step)
        if told is None:
            return
        surplus = told.socket.finish()
        self._forget(told)
        check(not surplus, expected="one answer to each message", came=f"{len(surplus)} more", statement="DATA-1")

    def _drop(self, step: Step) -> None:
        told = self._socket(step)
        if told is not None:
            told.socket.websocket.drop()
            self._forget(told)

    def _forget(self, told: ToldSocket) -> None:
        told.socket.websocket.drop()
        self.sockets = [other for other in self.sockets if other is not told]

    def _upload(self, step: Step) -> ToldUpload | None:
        return self.uploads[step.number("upload") % len(self.uploads)] if self.uploads else None

    def _poll(self, step: Step) -> None:
        told = self._upload(step)
        if told is not None and told.state == "open":
            self._check_progress(told)

    def _check_progress(self, told: ToldUpload) -> None:
        came = told.upload.progress()
        missing = sum(file.model.missing for file in told.upload.files.values())
        wanted = f"complete = {str(not missing).lower()}: {plural(missing, 'byte')} missing"
        statement = "PROG-2" if missing else "PROG-3"
        check(came == (not missing), expected=wanted, came=f"complete = {str(came).lower()}", statement=statement)

    def _finalize(self, step: Step) -> None:
        told = self._upload(step)
        if told is not None:
            self._put(told)

    def _put(self, told: ToldUpload) -> None:
        answer = told.upload.finalize()
        if told.state == "open" and told.upload.complete:
            check(answer.status == 200, expected="200 to the PUT of a complete upload", came=answer, statement="FIN-1")
            told.state = "finalized"
            check_dataset(told.upload, told.model())
            return
        statement = "FIN-3" if told.state == "open" else "FIN-5" if told.state == "finalized" else "DEL-1"
        state = told.state if told.state != "open" else "not complete"
        check(
            answer.refused, expected=f"a 4xx to the PUT of an upload that is {state}", came=answer, statement=statement
        )

    def _delete(self, step: Step) -> None:
        told = self._upload(step)
        if told is None:
            return
        answer = told.upload.delete()
        wanted = 404 if told.state == "deleted" else 200
        check(answer.status == wanted, expected=f"{wanted} to the DELETE", came=answer, statement="DEL-1")
        told.state = "deleted"

    def _end(self, told: ToldUpload) -> None:
        """Complete what is open, then finalize it and read it back: nothing acknowledged may be lost."""
        if told.state == "open":
            self._check_progress(told)
            for role, file in told.upload.files.items():
                if file.model.complete:
                    continue
                self._make_room(told, role)
                last = ToldSocket(told.upload.attach_again(role), told, role)
                self.sockets.append(last)
                for begin, end in missing_spans(file.model.known, max(1, file.model.size)):
                    self._chunks(last, [(begin, end - begin, 0)])
            self._check_progress(told)
            self._put(told)
        if told.state == "finalized":
            self._put(told)
            check_dataset(told.upload, told.model())
        else:
            answer = told.upload.progress_answer()
            check(answer.status == 404, expected="404 to progress of what was deleted", came=answer, statement="DEL-1")


def mnist_files(size: int, count: int) -> dict[str, bytes]:
    """Images and labels: one row of pixels an image, as many pixels as fit.

    Args:
        size: of the image file, bytes; made at least large enough for one pixel an image.
        count: number of images.
    """
    width = max(1, (size - IMAGES_HEADER) // count)
    generator = np.random.default_rng(size)
    pixels = generator.integers(0, 256, (count, 1, width), dtype=np.uint8)
    labels = generator.integers(0, CLASSES, count, dtype=np.uint8)
    return {"input": idx_images(pixels), "label": idx_labels(labels)}


def missing_spans(known: NDArray[np.bool_], chunk: int) -> list[tuple[int, int]]:
    """The gaps of a file as chunks: (begin, end) each, at most ``chunk`` bytes long."""
    gaps = np.flatnonzero(~known)
    if not len(gaps):
        return []
    breaks = np.flatnonzero(np.diff(gaps) > 1) + 1
    spans: list[tuple[int, int]] = []
    for run in np.split(gaps, breaks):
        begin, end = int(run[0]), int(run[-1]) + 1
        spans += [(start, min(start + chunk, end)) for start in range(begin, end, chunk)]
    return spans
