"""The reference backend with one lie: ``faulty_backend.py FAULT``."""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proto import dialects
from reference_backend import cycle, datasets, idx, uploads
from reference_backend.cli import main
from reference_backend.sockets import attach
from reference_backend.sockets import cluster as cluster_socket
from reference_backend.sockets import upload as upload_socket


def complete_too_early() -> None:
    """Progress is true from the beginning."""

    def complete(self: uploads.TempFile) -> bool:  # noqa: ARG001
        return True

    uploads.TempFile.is_complete = complete  # type: ignore[method-assign]


def dies_of_large_positions() -> None:
    """A chunk far beyond the end ends the process."""
    write = uploads.TempFile.write

    def fragile(self: uploads.TempFile, position: int, data: bytes) -> str | None:
        if position > 2**40:
            os._exit(9)
        return write(self, position, data)

    uploads.TempFile.write = fragile  # type: ignore[method-assign]


def silent_about_undecodable() -> None:
    """What is no message is not answered."""

    async def quiet(self: upload_socket.UploadSession) -> None:
        while True:
            answer = self.answer(await self._channel.receive())
            if answer == self._written:
                await self._channel.send_bytes(answer)

    upload_socket.UploadSession.run = quiet  # type: ignore[method-assign]


def forgets_training_answers() -> None:
    """Every 50th training cycle is not answered."""
    train = cluster_socket.ClusterSession.train
    cycles = itertools.count(1)

    async def forgetful(self: cluster_socket.ClusterSession) -> list[bytes]:
        answers = await train(self)
        return answers if next(cycles) % 50 else []

    cluster_socket.ClusterSession.train = forgetful  # type: ignore[method-assign]


def loses_boundary_bytes() -> None:
    """The last byte of each 128 KiB is not stored."""
    write = uploads.TempFile.write

    def lossy(self: uploads.TempFile, position: int, data: bytes) -> str | None:
        place = 128 * 1024 - 1
        if position <= place < position + len(data) <= self.size:
            data = data[: place - position] + b"\0" + data[place - position + 1 :]
        return write(self, position, data)

    uploads.TempFile.write = lossy  # type: ignore[method-assign]


def dies_of_deletes() -> None:
    """Deleting a dataset ends the process."""

    def fragile(self: datasets.DatasetStore, *arguments: object) -> None:  # noqa: ARG001
        os._exit(9)

    datasets.DatasetStore.delete = fragile  # type: ignore[assignment, method-assign]


def first_write_wins() -> None:
    """Bytes that are there already stay as they are."""
    write = uploads.TempFile.write

    def stubborn(self: uploads.TempFile, position: int, data: bytes) -> str | None:
        end = min(position + len(data), self.size)
        known = [place for begin, stop in self.received for place in range(max(begin, position), min(stop, end))]
        kept = {place: self.content()[place] for place in known}
        refusal = write(self, position, data)
        for place, byte in kept.items():
            self.content()[place] = byte
        return refusal

    uploads.TempFile.write = stubborn  # type: ignore[method-assign]


def forgets_the_second_part() -> None:
    """The second message for a brick in a cycle is taken and not stored."""
    append = cycle.Buffer.append

    def forgetful(self: cycle.Buffer, name: str, values: NDArray[np.float32]) -> bool:
        known = self._ends.get(name)
        fits = append(self, name, values)
        if fits and known is not None:
            self.values[known : known + len(values)] = 0.0
        return fits

    cycle.Buffer.append = forgetful  # type: ignore[method-assign]


def ignores_blanks_behind_the_target() -> None:
    """A target with blanks behind it passes for the one without."""
    read = attach.SocketServer.read

    def lenient(self: attach.SocketServer, message: bytes | str) -> dict[str, Any]:
        fields = read(self, message)
        return {**fields, "target": str(fields.get("target")).rstrip()}

    attach.SocketServer.read = lenient  # type: ignore[method-assign]


def transposes_images() -> None:
    """The pixels of an image come column by column."""
    parse = idx.parse_images

    def turned(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = (int.from_bytes(file[start : start + 4].tobytes(), "big") for start in (8, 12))
        return parse(file).reshape(-1, height, width).swapaxes(1, 2).reshape(-1, height * width)

    idx.parse_images = turned


def takes_any_name() -> None:
    """A name of any length will do."""
    dialects.Dialect.is_name = lambda self, name: len(name) >= self.name_length[0]  # type: ignore[method-assign]


FAULTS = {
    "first-write-wins": first_write_wins,
    "forgets-the-second-part": forgets_the_second_part,
    "ignores-blanks-behind-the-target": ignores_blanks_behind_the_target,
    "transposes-images": transposes_images,
    "takes-any-name": takes_any_name,
    "loses-boundary-bytes": loses_boundary_bytes,
    "forgets-training-answers": forgets_training_answers,
    "dies-of-deletes": dies_of_deletes,
    "honest": lambda: None,
    "complete-too-early": complete_too_early,
    "dies-of-large-positions": dies_of_large_positions,
    "silent-about-undecodable": silent_about_undecodable,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    users = ["--user", "alice:very-secret-1:alpha", "--user", "bob:very-secret-2:beta"]
    sys.exit(main(["--port", "0", "--announce", "json", "--stop-with-stdin", *users]))
