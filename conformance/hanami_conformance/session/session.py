"""One run of the suite against a target: from collected tests to a result on disk."""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date

import pytest

from hanami_conformance.cases.failures import SiblingCrashed, TargetDown, TargetRejectedConfiguration
from hanami_conformance.combinations.coverage import CoverageLog
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_conformance.known_failures.file import KnownList
from hanami_conformance.options.run import RunOptions
from hanami_conformance.resources.cleanup import delete_leftovers, describe
from hanami_conformance.resources.factory import Leftover, run_prefix
from hanami_conformance.server.open import OpenTarget, open_target
from hanami_conformance.session.collection import (
    case_id,
    is_search,
    is_suite_item,
    keep_first_parameter,
    keep_searches,
    requirements_of,
    suite_cases,
    title_of,
)
from hanami_conformance.session.event_log import EventLog, EventLogError
from hanami_conformance.session.execution import CaseExecution
from hanami_conformance.session.manifest import Manifest
from hanami_conformance.session.progress import Console, TerminalConsole
from hanami_conformance.session.pytest_options import spelled
from hanami_conformance.session.reports import RunReports
from hanami_conformance.session.result import build_result
from hanami_conformance.session.workers.parallel_part import ParallelPart, worker_count
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.suite.context import CONTEXT, SuiteContext
from hanami_conformance.target.target import Target
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import ExitStatus, RunResult
from hanami_reports.model.known_failure_matching import SuiteCase, find_entry
from hanami_reports.model.known_failures import Entry


class ConformanceSession:
    """A run, registered as a plugin of its pytest session.

    Args:
        config: Configuration of the pytest session.
        options: Checked options.
        folder: Folder of the reports.
        console: Output of progress.
        known: List of known failures, None for none.
    """

    def __init__(
        self,
        config: pytest.Config,
        options: RunOptions,
        folder: ConformanceReportFolder,
        console: Console,
        known: KnownList | None = None,
    ) -> None:
        self._config = config
        self.options = options
        self._log_folder = folder.path
        self._reports = RunReports(folder)
        self._console = console
        self._known = known
        self._suite: Mapping[str, SuiteCase] = {}
        self._today = date.today()  # noqa: DTZ011 - entries expire where the list is read; one day for the whole run
        self.manifest = Manifest(options)
        self._events = EventLog(options.events)
        self._target: Target | None = None
        self._execution: CaseExecution | None = None  # once the target is reached
        self._planned: dict[str, pytest.Item] = {}
        self._coverage = CoverageLog()
        self._reason = ""
        self._shortage = False  # whether this machine lacks what the run needs, which ended it
        self._interrupted = False
        self._suite_failed = False
        self._foreign_tests_failed = False
        self.result: RunResult | None = None
        self._leftovers: list[Leftover] = []
        self._stack = ExitStack()  # closed when pytest is done: the target, and the handling of signals
        self._stack.enter_context(handle_signals())
        self._stack.callback(self._events.close)

    def _plan(self) -> SearchSettings:
        """Return the settings for generated sequences."""
        properties = sum(map(is_search, self._planned.values()))
        options = self.options
        seconds = 60.0 * options.minutes / max(1, properties)
        return SearchSettings(
            options.profile,
            options.seed,
            seconds,
            options.database,
            self._console.sequence,
            destructive=options.destructive,
        )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Plan the tests that passed every selection, and reach the target.

        Raises:
            pytest.UsageError: If the target does not accept the credentials.
            pytest.exit.Exception: If the target cannot be reached (status 6).
        """
        if sys.exception() is not None:
            return  # pytest calls this also where the collection was broken off
        self._planned = {case_id(item): item for item in session.items if is_suite_item(item)}
        if self._known is not None and not self._config.option.collectonly:
            self._suite = suite_cases(session)
        if not self._planned or self._config.option.collectonly:
            return
        self._reports.keeps_log = bool(self.options.server)  # also if the run ends while the server starts
        opened = self._open_target()
        context = self._config.stash[CONTEXT] = SuiteContext(
            opened.target,
            self.manifest.run_id,
            destructive=self.options.destructive,
            search_settings=self._plan(),
            leftovers=self._leftovers,
            server=opened.control,
            coverage=self._coverage,
        )
        workers = worker_count(self.options.workers, opened.target)
        self.manifest.set_workers(workers.count, workers.reason)
        parallel = None
        if workers.count > 1:
            parallel = ParallelPart(
                workers.count, context, self._events, self._console, restartable=opened.startup is not None
            )
            self._stack.callback(parallel.close)
        self._execution = CaseExecution(
            opened, self._match_known_failure, self._events, self._reports, self._console, parallel
        )
        self.manifest.target_reached(opened.target, planned=self._planned)
        try:
            self._events.open(self.manifest.to_dict())
        except EventLogError as error:
            raise pytest.UsageError(spelled(self._config, str(error))) from error
        self._console.begin(self.manifest, self._planned)

    def _open_target(self) -> OpenTarget:
        """Reach the target, or start it.

        Raises:
            pytest.UsageError: If the target does not accept the credentials.
            pytest.exit.Exception: If the target cannot be reached (status 6).
        """
        try:
            opened = self._stack.enter_context(open_target(self.options, self._log_folder, self.manifest.run_id))
            self._target = opened.target
            if self._known is not None:
                self._known.check_dialect(self._target.dialect.name)
        except (TargetRejectedConfiguration, ValueError) as error:
            raise pytest.UsageError(spelled(self._config, SECRETS.text(str(error)))) from error
        except TargetDown as error:
            self._reason = SECRETS.text(str(error))
            pytest.exit(spelled(self._config, self._reason), returncode=ExitStatus.TARGET_LOST)
        except MachineShortage as shortage:
            self._note_shortage(shortage)
            pytest.exit(self._reason, returncode=ExitStatus.SUITE_FAULT)
        return opened

    def pytest_report_collectionfinish(self) -> list[str]:
        """Return lines about suite and target, where pytest itself reports."""
        if self._target is None or isinstance(self._console, TerminalConsole):
            return []
        manifest = self.manifest
        what = "reference backend" if manifest.reference else "target"
        first = f"{what} {manifest.target_url}, dialect {manifest.dialect}, profile {manifest.profile}"
        return [f"hanami: {spelled(self._config, SECRETS.text(line))}" for line in (first, *manifest.header)]

    def _note_shortage(self, shortage: MachineShortage) -> None:
        """Note that this machine lacks something, which ends the run without a verdict."""
        self._shortage = True
        self._reason = str(shortage)

    def _match_known_failure(self, case: str, broken: Collection[str], texts: Collection[str]) -> Entry | None:
        """Return the entry of the list that matches a failure, None for none."""
        return None if self._known is None else find_entry(self._known.entries, case, broken, texts, self._today)

    def select(self, items: list[pytest.Item]) -> None:
        """Keep the tests of the selected requirements, as many of each as the profile says."""
        selected = self.options.requirements
        chosen = [
            item
            for item in items
            if not is_suite_item(item) or selected is None or selected & set(requirements_of(item))
        ]
        chosen = keep_searches(chosen, self.options.profile.searches)
        if self.options.profile.first_case_only:
            chosen = keep_first_parameter(chosen)
        kept = set(chosen)
        dropped = [item for item in items if item not in kept]
        items[:] = chosen
        if dropped:
            self._config.hook.pytest_deselected(items=dropped)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Run a test as one case.

        As pytest itself does it, and in place of plugins that run a failing test again: a server that fails now and
        then would pass.
        """
        if not is_suite_item(item) or self._execution is None:
            return None
        self._execution.run(item)
        self._shortage |= bool(self._execution.shortage)
        self._reason = self._reason or self._execution.shortage or self._execution.loss
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a case whose test crashed the target in the same way with other parameters.

        Raises:
            SiblingCrashed: If the case need not run.
        """
        if is_suite_item(item) and self._execution is not None and (reason := self._execution.skip_reason(item)):
            raise SiblingCrashed(reason)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn an exception of a test into an outcome of its case."""
        report = yield
        if not is_suite_item(item):
            self._foreign_tests_failed |= report.failed
        elif self._execution is not None:
            self._execution.classifier.phase(call, report)
            if isinstance(report.longrepr, tuple):  # file, line and reason of a skipped test
                report.longrepr = (*report.longrepr[:2], spelled(self._config, report.longrepr[2]))
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note files that cannot be collected, where pytest goes on nevertheless."""
        self._foreign_tests_failed |= report.failed

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that the user stopped the run; pytest uses the same way for reasons of its own."""
        self._interrupted = excinfo.type is KeyboardInterrupt
        if self._interrupted:
            acknowledge_interrupt()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Build the result, write the reports, and set the exit status."""
        self._suite_failed = exitstatus == ExitStatus.SUITE_FAULT and not self._shortage
        if exitstatus == ExitStatus.USAGE or self._suite_failed or self._config.option.collectonly:
            return
        if exitstatus == ExitStatus.INTERRUPTED and not self._interrupted and self._reason == "":
            session.exitstatus = ExitStatus.SUITE_FAULT  # tests that cannot even be collected
            self._suite_failed = True
            return
        cases = {} if self._execution is None else self._execution.cases
        if self._interrupted and not cases:
            self._reason = "before the first case"
        elif not self._planned:
            self._reason = self._reason or "no case matches the selection"
        self.result = build_result(
            planned={name: (title_of(item), requirements_of(item)) for name, item in self._planned.items()},
            cases=cases,
            manifest=self.manifest.to_dict(),
            selected=self.options.requirements,
            level=self.options.level,
            reason=self._reason,
            unreachable=exitstatus == ExitStatus.TARGET_LOST,
            interrupted=self._interrupted,
            shortage=self._shortage,
            leftovers=describe(self._leftovers),
            restarted=self._execution is not None and self._execution.restarted,
            known=self._known,
            suite=self._suite,
            today=self._today,
            coverage=self._coverage,
        )
        session.exitstatus = self.result.exit_status
        if self._foreign_tests_failed and session.exitstatus == ExitStatus.CONFORMANT:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED  # tests of somebody else, in the same session
        written = self._reports.write(self.result)
        # Only now, since a target may keep the suite busy with it.
        leftovers = tuple(self._clean_up())
        if leftovers != self.result.leftovers:
            self.result = replace(self.result, leftovers=leftovers)
            written = written and self._reports.write(self.result)
        if not written:
            session.exitstatus = ExitStatus.SUITE_FAULT
        if self._events.failure:
            sys.stderr.write(f"ERROR: {self._events.failure}\n")
            session.exitstatus = ExitStatus.SUITE_FAULT

    def _clean_up(self) -> list[str]:
        """Delete the resources of the run on the target, then created users; return what cannot be deleted."""
        left = self._delete_leftovers()
        return [*left, *map(SECRETS.text, self._target.teardown())] if self._target is not None else left

    def _delete_leftovers(self) -> list[str]:
        execution = self._execution
        if self._target is not None and execution is not None and execution.cases and not execution.loss:
            try:
                self._target.renew_tokens()
                left = delete_leftovers(self._target, self.manifest.run_id, self._leftovers)
                return list(map(SECRETS.text, left))
            except KeyboardInterrupt:
                prefix = run_prefix(self.manifest.run_id)
                return [*describe(self._leftovers), f"whatever begins with {prefix}: tidying up was interrupted"]
            except (TargetDown, TargetRejectedConfiguration, MachineShortage) as error:
                return [*describe(self._leftovers), f"it is not known what: {error}"]
        return list(map(SECRETS.text, describe(self._leftovers)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the result where pytest itself reports."""
        if self.result is not None and not isinstance(self._console, TerminalConsole):
            verbose = self._config.option.verbose > 0
            text = render_result(self.result, self._reports.path, color=terminalreporter.hasmarkup, verbose=verbose)
            terminalreporter.write(f"\n{text}{self._reports.note}")

    def pytest_unconfigure(self) -> None:
        """Stop everything that the run started, then print the result."""
        self._stack.close()
        self._console.end(self.result, self._reports, suite_failed=self._suite_failed)
