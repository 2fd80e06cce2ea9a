"""A run of the client mode: all scenarios, the result, the reports."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import secrets
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.markup import escape

from hanami_conformance import __version__
from hanami_conformance.catalogue import CLIENT_FILE, catalogue_text, client_catalogue
from hanami_conformance.client_mode.judge import begins, judge, never_begins, unjudged
from hanami_conformance.client_mode.runner import VARIABLE, ClientRunner, Command, client_runner, client_variables
from hanami_conformance.client_mode.scenario import WORKFLOWS, Scenario, scenarios
from hanami_conformance.client_mode.situation import Situation
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_conformance.session.exchange_budget import ExchangeBudget
from hanami_conformance.session.manifest import PACKAGES, digests
from hanami_conformance.session.reports import RunReports
from hanami_conformance.session.result import build_result
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.conformance.terminal import new_console, render_result
from hanami_reports.model.conformance import JUDGED_OUTCOMES, CaseResult, ExitStatus, Level, Outcome, RunResult

POLL = 0.5  # seconds
_STYLES = {Outcome.PASSED: "green", Outcome.UNSUPPORTED: "yellow"}


@dataclass(frozen=True)
class ClientRunSettings:
    """Settings of a run.

    Attributes:
        command: Command that runs the client; without words if the user runs it.
        scenarios: Scenarios, in their order; only the first one is served to a client that the user runs.
        dialect: Name of the dialect, or path of its file.
        level: Lowest level that decides the exit status.
        serve: Whether the user runs the client.
    """

    command: Command
    scenarios: Sequence[Scenario]
    dialect: str
    level: Level = Level.SHOULD
    serve: bool = False


class ClientRun:
    """A run of the client mode.

    Args:
        settings: Settings of the run.

    Attributes:
        interrupted: Whether the user stopped the run.
    """

    def __init__(self, settings: ClientRunSettings) -> None:
        self._settings = settings
        self._command = settings.command
        self._scenarios = settings.scenarios
        self.interrupted = False
        self._began, self._started = time.monotonic(), datetime.now(UTC)
        self._cases: dict[str, CaseResult] = {}
        self._exchanges = ExchangeBudget()
        self._console = new_console(sys.stdout)
        self._url = ""

    def run(self, runner: ClientRunner) -> None:
        """Run every scenario, until the user interrupts.

        Raises:
            CommandError: If the command cannot be started.
        """
        count = pluralise(len(self._scenarios), "scenario")
        self._begin(runner, f"client [bold]{escape(self._shown_command)}[/] · {count}")
        try:
            for scenario in self._scenarios:
                if scenario.name not in self._ran:
                    situation = runner.run(scenario, self._command)
                    self._judge(situation)
                    if never_begins(situation):
                        self._leave_out(situation)
        except KeyboardInterrupt:
            acknowledge_interrupt()
            self.interrupted = True

    def serve(self, runner: ClientRunner) -> None:
        """Serve one scenario to clients that the user starts, until the user interrupts; then judge what they did."""
        self._begin(runner, f"server at [bold]{runner.url}[/]")
        scenario = self._scenarios[0]
        with runner.serving(scenario) as situation:
            situation.record.by_hand = True
            variables = client_variables(situation.materials.placeholders(scenario.workflow, self._command.seconds))
            for name, value in variables.items():
                if name != f"{VARIABLE}WORKFLOW":  # any is served
                    sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
            sys.stdout.write("start the client now; Ctrl-C ends the server, and judges what it did\n")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(POLL)
        acknowledge_interrupt()
        situation.record.seconds = time.monotonic() - self._began
        workflows = [scenario.workflow] if scenario.rules else [*WORKFLOWS]
        begun = [name for name in workflows if begins(situation.record, name)] or [scenario.workflow]
        self._scenarios = [scenario if scenario.rules else scenarios()[f"{name}-plain"] for name in begun]
        for one in self._scenarios:
            self._judge(replace(situation, scenario=one))

    def _begin(self, runner: ClientRunner, what: str) -> None:
        self._url = runner.url
        head = f"[bold]Hanami conformance[/] {__version__} · {what} · dialect {self._settings.dialect}"
        self._console.print(head, soft_wrap=True, highlight=False)

    def _judge(self, situation: Situation) -> None:
        """Judge what a client did in a scenario, and print a line about it."""
        counts: Counter[Outcome] = Counter()
        for case in judge(situation):
            counts[case.outcome] += 1
            self._cases[case.id] = self._exchanges.fit(case)
        text = ", ".join(f"[{_STYLES.get(one, 'bold red')}]{count} {one.value}[/]" for one, count in counts.items())
        took = f"[dim]{situation.record.seconds:.1f} s[/]"
        self._console.print(f"  {situation.scenario.name:<32} {text}  {took}", highlight=False, soft_wrap=True)

    @property
    def _ran(self) -> set[str]:
        """Names of the scenarios that have a case."""
        return {case.scenario for case in self._cases.values()}

    def _leave_out(self, situation: Situation) -> None:
        """Note that the other scenarios of a workflow say nothing: each would take the time of a client that waits."""
        workflow, because = situation.scenario.workflow, list(self._cases.values())[-1]
        others = [one for one in self._scenarios if one.workflow == workflow and one.name not in self._ran]
        for scenario in others:
            case = unjudged(scenario, because.outcome, because.reason)
            self._cases[case.id] = case
        if others:
            count = pluralise(len(others), "other scenario")
            self._console.print(f"  {count} of {workflow} left out: the client did not begin this workflow")

    def result(self) -> RunResult:
        """Return the result of the scenarios that ran; the others are listed as not run."""
        planned = {name: (case.title, case.requirements) for name, case in self._cases.items()}
        ran = self._ran
        for scenario in self._scenarios:
            if scenario.name not in ran:
                not_run = unjudged(scenario, Outcome.NOT_RUN, "")
                planned[not_run.id] = (not_run.title, not_run.requirements)
        return build_result(
            planned=planned,
            cases=self._cases,
            manifest=self._manifest(),
            selected=None,
            level=self._settings.level,
            reason="" if self.interrupted else self._unjudged_reason(),
            unreachable=False,
            interrupted=self.interrupted,
            shortage=False,
            leftovers=(),
            requirements=client_catalogue(),
        )

    def _unjudged_reason(self) -> str:
        """Return why a workflow that the client was given, or everything, was not judged; empty where all was."""
        cases = list(self._cases.values())
        not_begun = [case.reason for case in cases if case.outcome is Outcome.NOT_RUN]
        if any(case.outcome in JUDGED_OUTCOMES for case in cases):
            return next(iter(not_begun), "")
        return next((case.reason for case in cases), "")

    @property
    def _shown_command(self) -> str:
        return SECRETS.text(shlex.join(self._command.words))

    def _manifest(self) -> dict[str, Any]:
        catalogue_digest = hashlib.sha256(catalogue_text(CLIENT_FILE).encode()).hexdigest()
        return {
            "suite": __version__,
            "run_id": secrets.token_hex(4),
            "started": self._started.isoformat(timespec="seconds"),
            "duration": round(time.monotonic() - self._began, 3),
            "target": {"url": self._url, "reference": True},
            "client": self._shown_command,
            "dialect": self._settings.dialect,
            "options": {"timeout": self._command.seconds, "level": self._settings.level.value.lower()},
            "planned_cases": len(self._cases),
            "digests": digests() | {CLIENT_FILE: catalogue_digest},
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
        }

    def show(self, result: RunResult, reports: RunReports, *, verbose: bool) -> None:
        """Print the result."""
        console = self._console
        text = render_result(result, reports.path, color=console.is_terminal, width=console.width, verbose=verbose)
        console.file.write(f"\n{text}{reports.note}")
        console.file.flush()


def run_client(settings: ClientRunSettings, report_dir: Path, *, verbose: bool) -> int:
    """Judge a client, and write the reports.

    Args:
        settings: Settings of the run.
        report_dir: Folder of the reports.
        verbose: Whether to print all findings with details.

    Returns:
        The exit status.

    Raises:
        ValueError: If the dialect or the folder is not valid, or the command cannot be started.
        TargetDown, MachineShortage: See :func:`client_runner`.
    """
    SECRETS.clear()
    folder = ConformanceReportFolder(report_dir)
    try:
        folder.prepare()
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    run = ClientRun(settings)
    with handle_signals():
        try:
            with client_runner(settings.dialect) as runner:
                (run.serve if settings.serve else run.run)(runner)
        except KeyboardInterrupt:
            run.interrupted = True
        reports = RunReports(folder)
        result = run.result()
        for case in result.cases:
            reports.note_case(case)
        written = reports.write(result)
        run.show(result, reports, verbose=verbose)
    return result.exit_status if written else ExitStatus.SUITE_FAULT
