"""What sequences reach: the states of the model in which steps were executed, and the kinds of their answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from hanami_conformance.cases.recording import RecordedEvent, current_case
from hanami_conformance.cases.step import Step

MOST_TEXT = 40  # characters of an answer that make its kind
_VARIABLE = re.compile(r"\"[^\"]*\"|'[^']*'|\[[^\]]*\]|[0-9a-f]{8}-[0-9a-f-]{27}|[-+.\w]*\d[-+.\w]*")


def noted(steps: Sequence[Step], state: Callable[[], str]) -> Iterator[Step]:
    """Yield steps, and note what each was answered in which state, where the recording asks for it.

    Args:
        steps: Steps, each of which the caller executes before it takes the next one.
        state: Function that returns the state of the model in few words.
    """
    case = current_case()
    for step in steps:
        if case.reached is None:
            yield step
            continue
        before, count = state(), len(case.events)
        yield step
        case.reached.append((f"{step.action}, {before}", kinds_of_answers(case.events[count:])))


def kinds_of_answers(events: Sequence[RecordedEvent]) -> str:
    """Return the different kinds of answers among events, in order: texts without numbers, names and identifiers."""
    kinds = {_kind(event): None for event in events if event.direction != "sent"}
    return "; ".join(kinds)


def _kind(event: RecordedEvent) -> str:
    text = event.text()
    if event.kind == "http":
        return text.split(" ", 1)[0]
    return f"{event.kind} {_VARIABLE.sub('#', text)[:MOST_TEXT]}"
