"""Final clean-up: delete whatever a run created on the target, found by its name, within a budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from hanami_conformance.cases.failures import TargetDown, Violation
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.resources.factory import Leftover, delete, run_prefix
from hanami_conformance.resources.listing import KINDS, listed
from hanami_conformance.target.target import Target
from hanami_reports.common.text import pluralise

SECONDS = 60.0  # for all deletions together
MOST_DELETIONS = 1000  # more than any run leaves to the final clean-up
MOST_NAMED = 100  # leftovers that are reported by name
SWEEP = "hanami-conformance sweep deletes the rest"


def delete_leftovers(target: Target, run_id: str, known: Iterable[Leftover], seconds: float = SECONDS) -> list[str]:
    """Delete the resources that a run left on the target, until the budget of time and of deletions is used up.

    Args:
        target: Target of the run.
        run_id: Id of the run, with which the names of its resources begin.
        known: Resources that could not be deleted so far.
        seconds: Seconds for all deletions.

    Returns:
        Resources that remain and kinds of resources that cannot be listed, a line each, each with the reason.
    """
    until = Deadline.after(seconds)
    leftovers = {(left.account, left.kind, left.uuid): left for left in known}
    remaining: list[Leftover] = []
    for account in target.accounts:
        for kind in KINDS:
            try:
                resources = [(one.uuid, one.name_with(run_prefix(run_id))) for one in listed(account, kind)]
            except (Violation, TargetDown) as error:
                remaining.append(Leftover(account, kind, "", f"all {kind}s of the {account.name}", str(error)))
                continue
            ours = [(uuid, name) for uuid, name in resources if name and not target.rest.forbids_deletion(uuid)]
            leftovers |= {(account, kind, uuid): Leftover(account, kind, uuid, name) for uuid, name in ours}
    untried = deque(leftovers.values())
    for _ in range(MOST_DELETIONS):
        if not untried or until.passed:
            break
        if (left := delete(untried.popleft())) is not None:
            remaining.append(left)
    return [*describe(remaining), *_untried(untried, seconds)]


def describe(leftovers: Sequence[Leftover]) -> list[str]:
    """Return a line for each of the first leftovers, and one for all others."""
    lines = [str(left) for left in leftovers[:MOST_NAMED]]
    more = len(leftovers) - len(lines)
    return [*lines, f"{pluralise(more, 'more resource')}: {SWEEP}"] if more else lines


def _untried(leftovers: Sequence[Leftover], seconds: float) -> list[str]:
    if not leftovers:
        return []
    limit = f"not deleted within {seconds:g} s and {MOST_DELETIONS:,} deletions"
    return [f"{pluralise(len(leftovers), 'resource')}, the first is {leftovers[0].name}: {limit}; {SWEEP}"]
