"""Checks of an upload: sizes, sockets, positions, complete data, progress, the PUT."""

from __future__ import annotations

from http import HTTPStatus
from itertools import pairwise

import numpy as np

from hanami_conformance.client_mode.record import NEVER, Request, json_object
from hanami_conformance.client_mode.registry import judges
from hanami_conformance.client_mode.scenario import SUCCEED
from hanami_conformance.client_mode.situation import (
    FILE_FIELDS,
    SIZE_FIELDS,
    SentChunk,
    Situation,
    Upload,
    violation,
)
from hanami_conformance.common.text import printable_line

FEW_POLLS = 10  # that may follow each other without a pause
PAUSE = 0.01  # seconds
QUARTILE = 25  # per cent: a busy machine makes a loop without pauses look slower now and then
PROGRESS = "dataset.progress"


@judges("CLI-10")
def announces_sizes(seen: Situation) -> int:
    """Check that the POST announces the size of each file."""
    if not seen.is_upload:
        return 0
    fields = SIZE_FIELDS[seen.scenario.workflow]
    posts = seen.record.of(f"{seen.scenario.workflow}.init")
    for post in posts:
        for field, file in fields.items():
            size, announced = len(seen.contents[file]), post.fields.get(field)
            if announced != size or isinstance(announced, bool):
                raise violation(f"{field} = {size}", printable_line(repr(announced)), post.event)
    return len(posts) * len(fields)


@judges("CLI-11")
def one_socket_for_each_file(seen: Situation) -> int:
    """Check that each file has a websocket of its own, and its data is sent on that one."""
    sockets = seen.file_sockets
    for socket in sockets:
        for other in sockets:
            if other is not socket and other.uuid == socket.uuid and socket.opened < other.opened < socket.ended:
                raise violation("one websocket for a file at a time", "a second one for the same file", other.event)
        for chunk in seen.chunks(socket):
            if file := _other_file(seen, chunk):
                actual = f"data of the file {file} on the websocket of the file {chunk.file}"
                raise violation("data of the file of the websocket", actual, chunk.message.event)
    for put in seen.puts:
        upload = seen.upload_of(put)
        attached = {socket.uuid for socket in sockets if socket.accepted < put.at}
        for uuid, file in upload.files.items() if upload is not None else ():
            if uuid not in attached:
                raise violation("a websocket for each file", f"none was attached to the file {file}", put.event)
    return len(sockets)


def _other_file(seen: Situation, chunk: SentChunk) -> str:
    """Return the name of the other file of the upload that a chunk is from, empty if it is from none."""
    if not chunk.data or fits(chunk, seen.contents[chunk.file]):
        return ""
    others = {file for files in FILE_FIELDS.values() for file in files.values()} - {chunk.file}
    return next((file for file in others if fits(chunk, seen.contents[file])), "")


def fits(chunk: SentChunk, content: bytes) -> bool:
    """Return whether the data of a chunk is that of a file at its position."""
    return content[chunk.position : chunk.position + len(chunk.data)] == chunk.data


@judges("CLI-12")
def right_positions(seen: Situation) -> int:
    """Check that the data of each chunk is that of the file at its position."""
    count = 0
    for socket in seen.file_sockets:
        for chunk in seen.chunks(socket):
            count += 1
            content = seen.contents[chunk.file]
            if fits(chunk, content) or _other_file(seen, chunk):  # CLI-11 is about that
                continue
            place = content.find(chunk.data)
            where = f", which are at {place} of the file" if place >= 0 else ", which are not in the file"
            actual = f"{len(chunk.data)} bytes at {chunk.position}{where}"
            raise violation("the bytes of the file at the position of the chunk", actual, chunk.message.event)
    return count


@judges("CLI-13")
def all_bytes_acknowledged(seen: Situation) -> int:
    """Check that every byte of every file was acknowledged with success before the PUT."""
    count = 0
    for put in seen.puts:
        upload = seen.upload_of(put)
        for uuid, file in upload.files.items() if upload is not None else ():
            count += 1
            missing = unacknowledged(seen, uuid, file, before=put.at)
            if missing:
                actual = f"{missing} of {len(seen.contents[file])} bytes of the file {file} were not acknowledged"
                raise violation("every byte acknowledged with success before the PUT", actual, put.event)
    return count + _check_waiting_uploads(seen)


def _check_waiting_uploads(seen: Situation) -> int:
    """Check uploads that wait for their progress without a PUT, at a server that did its part."""
    count = 0
    waiting = seen.uploads if seen.scenario.must == SUCCEED and not seen.puts and not seen.record.by_hand else ()
    for upload in waiting:
        polls = _polls(seen, upload)
        for uuid, file in upload.files.items() if polls else ():
            count += 1
            if missing := unacknowledged(seen, uuid, file):
                actual = f"{missing} of {len(seen.contents[file])} bytes of the file {file} were never acknowledged"
                raise violation("every byte acknowledged with success before the PUT", actual, polls[-1].event)
    return count


def unacknowledged(seen: Situation, uuid: str, file: str, *, before: float = NEVER) -> int:
    """Return how many bytes of a file were not acknowledged with success before a time."""
    covered = np.zeros(len(seen.contents[file]), dtype=bool)
    for socket in seen.file_sockets:
        if socket.uuid == uuid:
            for chunk in seen.chunks(socket):
                if chunk.acknowledged < before and fits(chunk, seen.contents[file]):
                    covered[chunk.position : chunk.position + len(chunk.data)] = True
    return int(np.count_nonzero(~covered))


@judges("CLI-14")
def waits_for_complete(seen: Situation) -> int:
    """Check that the PUT is sent only after the progress was answered with complete = true."""
    for put in seen.puts:
        upload = seen.upload_of(put)
        if upload is None:
            continue
        polls = [one for one in _polls(seen, upload) if one.answered < put.at]
        if not any(one.succeeded and one.answer_fields.get("complete") is True for one in polls):
            actual = "the PUT after complete = false" if polls else "the PUT without a request for the progress"
            raise violation("complete = true before the PUT", actual, put.event)
    return len(seen.puts)


def _polls(seen: Situation, upload: Upload) -> list[Request]:
    return [one for one in seen.record.of(PROGRESS) if one.fields.get("uuid") == upload.uuid]


@judges("CLI-15")
def pauses_between_polls(seen: Situation) -> int:
    """Check that the progress is requested with pauses."""
    polls = seen.record.of(PROGRESS)
    pauses = [later.at - earlier.answered for earlier, later in pairwise(polls)]
    if len(pauses) >= FEW_POLLS and (shortest := float(np.percentile(pauses, QUARTILE))) < PAUSE:
        actual = f"{len(polls)} requests, a quarter of them within {shortest * 1000:.1f} ms of the answer before"
        raise violation("a pause between two requests for the progress", actual, polls[-1].event)
    return len(polls)


@judges("CLI-16")
def names_the_uuids(seen: Situation) -> int:
    """Check that the PUT names the uuids of the dataset and of its files, each in its own field."""
    for put in seen.puts:
        upload = seen.upload_of(put)
        expected = {} if upload is None else {"uuid": upload.uuid}
        if upload is not None:
            answer = upload.request.answer_fields
            expected |= {field: answer[field] for field in FILE_FIELDS[seen.scenario.workflow] if field in answer}
        for field, uuid in expected.items():
            if put.fields.get(field) != uuid:
                raise violation(f"{field} = {uuid}", printable_line(repr(put.fields.get(field))), put.event)
    return len(seen.puts)


@judges("CLI-30")
def leaves_no_upload_behind(seen: Situation) -> int:
    """Check that an upload that the server began is finalized or deleted, where the client began another one."""
    if not seen.is_upload or seen.record.by_hand or seen.scenario.restarts:
        return 0
    workflow = seen.scenario.workflow
    posts = [one for one in seen.record.of(f"{workflow}.init") if one.server_status == HTTPStatus.OK]
    ends = [one for name in (f"{workflow}.finalize", "dataset.delete") for one in seen.record.of(name)]
    ended = {one.fields.get("uuid") for one in ends if one.server_status == HTTPStatus.OK}
    for first, second in pairwise(posts):
        if json_object(first.server_answer).get("uuid") not in ended:
            lost = "" if first.succeeded else ", whose answer was lost,"
            actual = f"a second POST, and the upload of the first one{lost} is neither finalized nor deleted"
            raise violation("no upload that is left behind unfinished", actual, second.event)
    return len(posts) - 1 + any(not post.succeeded for post in posts) if posts else 0
