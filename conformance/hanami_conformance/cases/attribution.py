"""Attribution of failures to requirements."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.cases.recording import current_case
from hanami_conformance.catalogue import CRASH


@contextlib.contextmanager
def attribute_to(requirement: str) -> Iterator[None]:
    """Attribute every failure of the block to this requirement, a failed precondition included.

    What failed before this case as well is no effect of it: its own requirement stays violated, and a precondition
    stays failed, unless it worked in the run before that. Then the requirement is violated that the case violated
    which ended it, or else that no input of a client ends the server (GEN-2).
    """
    try:
        yield
    except Violation as violation:
        violation.reattribute(requirement)
        raise
    except PreconditionFailed as failure:
        if failure.lasting and not failure.worked:
            raise
        if failure.lasting:
            requirement = PREPARATIONS.cause(failure.what, CRASH)
        PREPARATIONS.set_cause(requirement)
        raise Violation("the server to go on as before", str(failure), requirement) from failure
    current_case().checks_by_requirement[requirement] += 1


@contextlib.contextmanager
def default_requirement(requirement: str, *, counts: bool = True) -> Iterator[None]:
    """Attribute a failure of the block to this requirement where the check names none itself.

    Args:
        requirement: Id of the requirement.
        counts: Whether a block without a failure is evidence for the requirement.
    """
    try:
        yield
    except Violation as violation:
        if violation.requirement is None:
            violation.reattribute(requirement)
        raise
    if counts:
        current_case().checks_by_requirement[requirement] += 1


def attribute_to_steps(
    steps: Sequence[object], requirement: str, *, default: str
) -> contextlib.AbstractContextManager[None]:
    """Attribute every failure of the block to a requirement on the steps before it.

    Args:
        steps: Steps that were executed before the block. Where there are none, they cannot be the cause.
        requirement: Id of the requirement that the steps violate then.
        default: Id of the requirement of a failure without steps, where the check names none itself.
    """
    return attribute_to(requirement) if steps else default_requirement(default, counts=False)


@contextlib.contextmanager
def precondition(what: str, *, keep_named: bool = False) -> Iterator[None]:
    """Turn a failure of the block into a failed precondition, because the step under test was never reached.

    Args:
        what: Description of the block.
        keep_named: Whether a violation of a check that names its requirement stays one: the step judges other
            requirements than that of the case, and a server that violates one of these is judged for it.

    Raises:
        PreconditionFailed: If the block raises a violation or the target is down.
    """
    failed_before = PREPARATIONS.is_failing(what)
    try:
        yield
    except (Violation, TargetDown) as error:
        PREPARATIONS.note(what, worked=False)
        if isinstance(error, Violation):
            error.lasting |= failed_before
            if keep_named and error.requirement is not None:
                raise
        lasting = failed_before or (isinstance(error, Violation) and error.lasting)
        worked = PREPARATIONS.has_worked(what)
        raise PreconditionFailed(f"{what}: {error}", what, lasting=lasting, worked=worked) from error
    except PreconditionFailed:
        PREPARATIONS.note(what, worked=False)
        raise
    PREPARATIONS.note(what, worked=True)
