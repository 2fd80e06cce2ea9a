"""Telling a stored story again, without Hypothesis: is what it shows fixed?"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.checks import SetupFailed, TargetLost, Unsupported, Violation
from conformance.managed import ReferenceBackend
from conformance.options import RunOptions, resolve
from conformance.record import begin_case, end_case
from conformance.redact import SECRETS
from conformance.stories.file import Story
from conformance.stories.step import StoryError
from conformance.stories.tell import tell
from conformance.target import Target, TargetRefused, connect
from conformance.text import quote
from conformance.workshop import Workshop
from reports.model import ExitStatus

EVENTS_SHOWN = 30


def replay(path: Path, given: Mapping[str, Any]) -> int:
    """Tell the story of a file to a target, and say what became of it.

    Args:
        path: of the file.
        given: options of the target, as :func:`resolve` takes them; the dialect of the story holds where none is given.

    Returns:
        0 when it is fixed, 1 when it still fails, 3 when it could not be told to its end, 4 when the file or an option
        is wrong, 6 when the target is gone.
    """
    try:
        story = Story.from_json(path.read_text(encoding="utf-8"))
        options = resolve({**given, "dialect": given.get("dialect") or story.dialect or None})
    except OSError as error:
        return _say(ExitStatus.USAGE, f"ERROR: cannot read {path}: {error.strerror or error}")
    except ValueError as error:
        return _say(ExitStatus.USAGE, f"ERROR: {error}")
    backend = ReferenceBackend(options.target.dialect) if options.reference else None
    try:
        return _replay(story, options, backend)
    except TargetRefused as error:
        return _say(ExitStatus.USAGE, f"ERROR: {error}")
    except TargetLost as error:
        return _say(ExitStatus.TARGET_LOST, f"target gone: {error}")
    except StoryError as error:
        return _say(ExitStatus.USAGE, f"ERROR: {path}: {error}")
    finally:
        if backend is not None:
            backend.stop()


def _replay(story: Story, options: RunOptions, backend: ReferenceBackend | None) -> int:
    SECRETS.clear()
    target = connect(options.target if backend is None else backend.start(options.target))
    case = begin_case("replay")
    workshop = Workshop(target, secrets.token_hex(4))
    try:
        tell(story, workshop)
    except (Violation, SetupFailed, TargetLost) as error:
        events = case.exchange()
        if not target.is_alive():
            return _say(ExitStatus.TARGET_LOST, f"target gone: {quote(str(error))}")
        for event in events[-EVENTS_SHOWN:]:
            arrow = {"sent": "->", "received": "<-", "note": "--"}[event.direction]
            sys.stdout.write(f"{event.at:8.3f} s  {event.channel:<7} {arrow} {event.summary}\n")
        return _say(ExitStatus.NOT_CONFORMANT, f"still failing: {quote(str(error), 500)}")
    except Unsupported as error:
        return _say(ExitStatus.SUITE_FAULT, f"cannot tell: {error}")
    finally:
        _close(target)
    return _say(ExitStatus.CONFORMANT, f"fixed: {len(story.steps)} steps went as the model says")


def _close(target: Target) -> None:
    target.close_websockets()
    target.close()
    end_case()


def _say(status: int, line: str) -> int:
    (sys.stderr if status == ExitStatus.USAGE else sys.stdout).write(SECRETS.text(line) + "\n")
    return status
