"""How often a failure recurs: what depends on how operations overlap does not fail in each run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import recording_paused

SAMPLE = 10  # runs in which a failure is counted
SECONDS = 30.0  # after which no further run begins; a run in which nothing is answered takes many of them
NEVER_AGAIN = "not reproducible: the replay passed"
NOT_JUDGED = "no run of the same steps after this one could be judged"
_NOTE = re.compile(rf" \((?:{NEVER_AGAIN}|{NOT_JUDGED}|in \d+ of \d+ runs [^()]*)\)")


def with_recurrence(
    violation: Violation,
    run: Callable[[], None],
    recurs: Callable[[Violation], bool],
    seconds: float = SECONDS,
) -> tuple[Violation, bool]:
    """Return a violation that says in how many runs it recurs, unless that is each of them, and whether it ever does.

    Runs that cannot be judged, because a precondition fails for example, do not count.

    Args:
        violation: Failure of a first run.
        run: Function that runs the same once more.
        recurs: Function that returns whether a failure is the same.
        seconds: Time after which no further run begins.
    """
    judged = count = 0
    until = time.monotonic() + seconds
    for number in range(SAMPLE):
        if number and time.monotonic() >= until:
            break
        try:
            with recording_paused():
                run()
        except Violation as failure:
            count += recurs(failure)
        except (PreconditionFailed, Unsupported):
            continue
        except TargetDown:
            break
        judged += 1
    if not judged:
        return violation.with_actual(f"{violation.actual} ({NOT_JUDGED})"), False
    rate = "" if count == judged else f" (in {count} of {judged} runs of the same steps after this one)"
    return violation.with_actual(violation.actual + rate), count > 0


def unreproducible(error: Violation) -> Violation:
    """Return the failure of a sequence whose replay passed.

    It is not the effect of the steps, so it is attributed to the requirement that the failed check names.
    """
    return type(error)(error.expected, f"{error.actual} ({NEVER_AGAIN})", error.checked_requirement)


def without_recurrence(text: str) -> str:
    """Return the text of a failure without how often it recurred, which differs from run to run."""
    return _NOTE.sub("", text)
