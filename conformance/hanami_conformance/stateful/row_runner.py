"""Row runner: execute the rows of an input model, and reduce a failing row to the values that cause the failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from hanami_conformance.cases.failures import UNATTRIBUTED, PreconditionFailed, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.cases.recurrence import unreproducible
from hanami_conformance.cases.reduction import drop_steps
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.combinations.coverage import Cause, CoverageLog, Steps
from hanami_conformance.combinations.covering_rows import Plan, plan_rows
from hanami_conformance.combinations.input_model import VALUE, Choice, InputModel, load_model
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import execute
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.target.conditions import unmet_reason

# Causes of failures in a case, and in all cases of a model, after which the rows that are left are not executed.
MOST_CAUSES, MOST_CAUSES_OF_A_MODEL = 3, 10
NO_TIME = "the time of the profile for these rows ran out"
MANY_FAILURES = "too many other rows failed"
RowFailure = Violation | PreconditionFailed | TargetDown | Unsupported


@dataclass(frozen=True)
class RowRunner:
    """Execute rows of an input model; each is a sequence with a step for each value that is not plain.

    Args:
        settings: Settings of the run.
        resources: Resource factory of the case.
        log: Rows of the run.
    """

    settings: SearchSettings
    resources: ResourceFactory
    log: CoverageLog

    def __call__(self, name: str, part: int, parts: int) -> None:
        """Execute one part of the rows of a model.

        A failing row is reduced: values are set back to the plain ones as long as it fails in the same way. The failure
        belongs to the requirement of what is left, or of the failed check if nothing is. Then the row goes on without
        these values, so that one failure hides no other one.

        Args:
            name: Name of the model, and the kind of its sequences.
            part: Number of the part, from 1.
            parts: Number of parts.

        Raises:
            Violation, PreconditionFailed, TargetDown: Failure of the smallest row; the recording is that of this row.
            Unsupported: If no row can be executed.
        """
        until = time.monotonic() + self.settings.profile.row_seconds
        plan = self._plan(name)
        found: list[Cause] = []
        executed = 0
        reason = ""
        for row in plan.rows[part - 1 :: parts]:
            reason = reason or (NO_TIME if executed and time.monotonic() > until else "")
            failures = [cause for cause in self.log.causes[name] if not isinstance(cause.failure, Unsupported)]
            many = len(found) >= MOST_CAUSES or len(failures) >= MOST_CAUSES_OF_A_MODEL
            reason = reason or (MANY_FAILURES if many else "")
            if reason:
                self.log.left_out[name].append((row, reason))
                continue
            try:
                self._execute_row(plan.model, row, found)
                executed += 1
            except Unsupported as unsupported:
                self.log.left_out[name].append((row, str(unsupported)))
        if found:
            self._raise(plan.model, found)
        if not executed:
            raise Unsupported(next((why for _, why in self.log.left_out[name]), "no row"))

    def _plan(self, name: str) -> Plan:
        if name not in self.log.plans:
            model, target = load_model(name), self.resources.target
            left_out = {
                Choice(dimension.name, value.name): reason
                for dimension in model.dimensions
                for value in dimension.values
                if (reason := unmet_reason(value.needs, target, destructive=self.settings.destructive))
            }
            self.log.plans[name] = plan_rows(
                model, left_out, seed=self.settings.seed, deep=self.settings.profile.triples
            )
        return self.log.plans[name]

    def _execute_row(self, model: InputModel, row: Steps, found: list[Cause]) -> None:
        """Execute a row, and again without the values that cause a failure.

        Args:
            model: Input model of the row.
            row: The row.
            found: Causes of the failures of the case so far; new ones are added.

        Raises:
            Violation, PreconditionFailed, TargetDown, Unsupported: If the plain row fails, or cannot be executed.
        """
        steps = row
        while (failure := self._execute(model.name, steps)) is not None:
            if self.settings.searches_only:
                raise failure
            cause = self._known_cause(model, steps, failure) or self._reduce(model, steps, failure)
            if isinstance(failure, Unsupported):
                self.log.left_out[model.name].append((row, str(failure)))
            else:
                self._note_executed(model, cause.steps)
                if cause not in found:
                    found.append(cause)
                if len(found) >= MOST_CAUSES:
                    self.log.left_out[model.name].append((steps, MANY_FAILURES))
                    return
            steps = cause.without(steps)
        self._note_executed(model, steps)

    def _known_cause(self, model: InputModel, steps: Steps, failure: RowFailure) -> Cause | None:
        """Return the cause of an earlier failure that a row has as well, and that makes it fail in the same way."""
        known = self.log.causes[model.name]
        same = (cause for cause in known if cause.is_in(steps) and _key(cause.failure) == _key(failure))
        return next(same, None)

    def _note_executed(self, model: InputModel, steps: Steps) -> None:
        case = current_case()
        self.log.executed[case.id].append((model.name, steps))
        for step in steps:
            if requirement := model.requirement(step):
                case.checks_by_requirement[requirement] += 1

    def _reduce(self, model: InputModel, steps: Steps, failure: RowFailure) -> Cause:
        """Return the smallest row with a failure.

        Raises:
            Violation, PreconditionFailed, TargetDown, Unsupported: If the plain row fails, or the target is down, so
                that no value is the cause.
        """
        case = current_case()
        if not steps or isinstance(failure, TargetDown) or not self.resources.target.is_alive():
            case.sequence = StepSequence(model.name, steps)
            raise failure
        if (plain := self._execute(model.name, ())) is not None:
            case.sequence = StepSequence(model.name, ())
            raise plain
        if self._execute(model.name, steps) is None:
            return self._keep(model, Cause(steps, failure))  # it cannot be reduced
        until = time.monotonic() + self.settings.profile.shrink_seconds
        smallest: RowFailure = failure

        def fails(shorter: list[Step]) -> bool:
            nonlocal smallest
            if time.monotonic() >= until:
                return False
            again = self._execute(model.name, tuple(shorter))
            if again is None or _key(again) != _key(failure):
                return False
            smallest = again
            return True

        left, dropped = list(steps), True
        while dropped:
            left, dropped = drop_steps(left, fails, lambda: time.monotonic() >= until)
        left = self._simplified(model, left, fails)
        return self._keep(model, Cause(tuple(left), smallest))

    def _keep(self, model: InputModel, cause: Cause) -> Cause:
        self.log.causes[model.name].append(cause)
        return cause

    def _simplified(self, model: InputModel, steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
        """Return a failing row with values that stand before others in their dimension where these fail as well."""
        for place, step in enumerate(steps):
            value = step.text_argument(VALUE)
            for simpler in model.dimension(step.action).values[1:]:
                if simpler.name == value:
                    break
                if (
                    simpler.numbers
                    or simpler.costly
                    or Choice(step.action, simpler.name) in self._plan(model.name).left_out
                ):
                    continue
                changed = [*steps[:place], Step(step.action, {VALUE: simpler.name}), *steps[place + 1 :]]
                if fails(changed):
                    steps = changed
                    break
        return steps

    def _execute(self, name: str, steps: Steps) -> RowFailure | None:
        """Execute a row, and return its failure, or why it cannot be executed."""
        case = current_case()
        case.restart_record()
        case.sequences += 1
        try:
            execute(StepSequence(name, steps), self.resources)
        except Unsupported as unsupported:
            return unsupported
        except (Violation, PreconditionFailed, TargetDown) as error:
            reason = self.resources.target.disconnect_reason(str(error))
            return Unsupported(f"{reason}; the row needs one that lives longer") if reason else error
        finally:
            self.settings.on_example(float("inf"))
        return None

    def _raise(self, model: InputModel, found: Sequence[Cause]) -> NoReturn:
        """Raise the failure of a case: one that no other case has raised, if there is one."""
        cause = next((one for one in found if one not in self.log.raised), found[0])
        self.log.raised.append(cause)
        again = self._execute(model.name, cause.steps)  # once more, because the recording is that of the last row
        if again is not None and _key(again) != _key(cause.failure):
            again = None  # another failure, or none that can be judged
        current_case().sequence = StepSequence(model.name, cause.steps, recurred_alone=again is not None)
        if again is None and isinstance(cause.failure, Violation):
            raise unreproducible(cause.failure)
        raise again or cause.failure


def _key(failure: Exception) -> tuple[type[BaseException], str]:
    """Return the identity of a failure, which must stay the same while a row is reduced."""
    if not isinstance(failure, Violation):
        return type(failure), str(failure) if isinstance(failure, Unsupported) else ""
    return Violation, failure.failure_key or failure.requirement or UNATTRIBUTED
