"""Checks of what the client reports at its end, and of what it does after a failure."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus

from hanami_conformance.client_mode.direct_checks import is_return_unconfirmed, last_outputs
from hanami_conformance.client_mode.interference import CHUNK, FIRST_MESSAGE, HANDSHAKE, VALUES
from hanami_conformance.client_mode.record import CLUSTER, FILE, NEVER, Request, Socket
from hanami_conformance.client_mode.registry import judges
from hanami_conformance.client_mode.scenario import FAIL, SUCCEED
from hanami_conformance.client_mode.situation import SentChunk, Situation, violation
from hanami_conformance.client_mode.upload_checks import PROGRESS, fits, unacknowledged
from hanami_conformance.common.text import printable_line

MOST_REPETITIONS = 20  # of a step
WAITING = 3  # requests for the progress that show that a client waits for the upload to be complete
READING = ("dataset.get", "dataset.list", "dataset.content")  # by which a client can see that an upload was finalized
QUOTED = 160  # characters of the end of what the client printed


@judges("CLI-23")
def reports_success_only_where_it_is(seen: Situation) -> int:
    """Check that exit status 0 is only for a completed workflow."""
    record = seen.record
    if record.exit_status is None:
        return 0
    if record.exit_status == 0:
        missing = _missing(seen)
        if missing:
            expected = "an exit status other than 0, or a completed workflow"
            raise violation(expected, f"status 0, and {missing}", seen.last_event)
        if seen.scenario.must == FAIL:
            expected = f"an exit status other than 0, because of the server: {seen.scenario.title}"
            raise violation(expected, "status 0", seen.last_event)
    return 1


def _missing(seen: Situation) -> str:
    """Return what the server did not confirm, empty if the workflow was completed."""
    if not seen.is_upload:
        if last_outputs(seen) is None:
            return "no request was answered with all outputs"
        return "no switch back to the task mode was confirmed" if is_return_unconfirmed(seen) else ""
    reason = "no upload was finalized"
    for put in seen.puts:
        upload = seen.upload_of(put)
        if upload is None or not _is_confirmed(put, seen):
            continue
        left = {file: unacknowledged(seen, uuid, file) for uuid, file in upload.files.items()}
        if not any(left.values()):
            return ""
        file, count = next((file, count) for file, count in left.items() if count)
        reason = f"{count} of {len(seen.contents[file])} bytes of the file {file} were not acknowledged"
    return reason


def _is_confirmed(put: Request, seen: Situation) -> bool:
    """Return whether the client knows that its upload was finalized: from the PUT, or from what it asked later."""
    if put.succeeded:
        return True
    later = [one for one in seen.record.requests if one.at > put.at and one.status]
    if put.server_status != HTTPStatus.OK:
        return False
    # The answer was lost. A second PUT is rejected now, and the dataset can be read.
    return any(one in seen.puts or (one.operation in READING and one.succeeded) for one in later)


@judges("CLI-24")
def succeeds_with_a_right_server(seen: Situation) -> int:
    """Check that the workflow ends with success where the server does its part."""
    record = seen.record
    if seen.scenario.must != SUCCEED or record.exit_status is None:
        return 0
    if record.exit_status != 0:
        raise violation("exit status 0", f"{describe_exit(record.exit_status)}{_printed(seen)}", seen.last_event)
    return 1


@judges("CLI-25")
def never_goes_on(seen: Situation) -> int:
    """Check that after a rejection or an error the client does not go on as if it had been accepted."""
    since = seen.record.disturbed
    for step in seen.scenario.forbidden:
        for at, event in _steps(seen, step):
            if at > since:
                raise violation(f"no {step} where the server does this: {seen.scenario.title}", step, event)
    rejections = [(socket, chunk) for socket in seen.file_sockets for chunk in _rejected_chunks(seen, socket)]
    for socket, chunk in rejections:
        polls = [one for one in seen.record.of(PROGRESS) if one.at > socket.ended]
        if len(polls) >= WAITING and unacknowledged(seen, socket.uuid, chunk.file):
            expected = f"the chunk at {chunk.position} again, which was rejected, or the end"
            raise violation(expected, f"{len(polls)} requests for the progress", polls[0].event)
    return len(seen.scenario.forbidden) + len(rejections)


def _rejected_chunks(seen: Situation, socket: Socket) -> list[SentChunk]:
    """Return the chunks on a websocket whose rejection the client received; one beyond the file is no part of it."""
    return [one for one in seen.chunks(socket) if one.rejected != NEVER and fits(one, seen.contents[one.file])]


def _steps(seen: Situation, step: str) -> list[tuple[float, int]]:
    """Return time and event of each time that the client did a step."""
    if step in (CHUNK, VALUES):
        target = FILE if step == CHUNK else CLUSTER
        return [(one.at, one.event) for socket in seen.record.sockets_of(target) for one in socket.data]
    if step == FIRST_MESSAGE:
        return [(socket.sent[0].at, socket.sent[0].event) for socket in seen.record.sockets if socket.sent]
    if step == HANDSHAKE:
        return [(socket.opened, socket.event) for socket in seen.record.sockets]
    return [(one.at, one.event) for one in seen.record.of(step)]


@judges("CLI-26")
def ends_by_itself(seen: Situation) -> int:
    """Check that the client ends before the deadline."""
    if seen.record.by_hand:
        return 0
    if seen.record.was_killed:
        actual = f"it was ended after {seen.record.seconds:.1f} s{_printed(seen)}"
        raise violation("the client ends by itself before the deadline", actual, seen.last_event)
    return 1


@judges("CLI-27")
def few_repetitions(seen: Situation) -> int:
    """Check that a step that fails is repeated a limited number of times."""
    failed = [one for one in seen.record.requests if one.status != HTTPStatus.OK]
    counts = Counter(one.operation for one in failed if one.operation)
    for operation, count in counts.items():
        if count > MOST_REPETITIONS:
            expected = f"at most {MOST_REPETITIONS} times {operation}, which fails each time"
            raise violation(expected, f"{count} times", seen.record.of(operation)[-1].event)
    sockets = [socket for socket in seen.record.sockets if not socket.accepted < socket.ended]
    if len(sockets) > MOST_REPETITIONS:
        expected = f"at most {MOST_REPETITIONS} websockets that are not accepted"
        raise violation(expected, f"{len(sockets)} of them", sockets[-1].event)
    return len(failed) + len(sockets)


@judges("CLI-28")
def reports_failures(seen: Situation) -> int:
    """Check that a failure is reported in words, without secrets."""
    secrets = {*seen.tokens, seen.materials.password}
    if any(secret in seen.record.output for secret in secrets):
        raise violation("no token and no password in what the client prints", "one of them", seen.last_event)
    if seen.record.exit_status in (0, None):
        return 0
    if not seen.record.output.strip():
        actual = f"{describe_exit(seen.record.exit_status)} without a word"
        raise violation("the reason of a failure on standard output or standard error", actual, seen.last_event)
    return 1


def describe_exit(status: int | None) -> str:
    """Return how a command ended, for people."""
    if status is None:
        return "ended at the deadline"
    return f"exit status {status}" if status >= 0 else f"ended by signal {-status}"


def _printed(seen: Situation) -> str:
    lines = seen.record.output.strip().splitlines()
    return f", which printed: {printable_line(lines[-1].strip(), QUOTED)}" if lines else ""
