"""One run of the suite against a target: from collected tests to a result on disk."""

from __future__ import annotations

import io
import sys
from collections.abc import Collection, Generator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from _pytest.terminal import TerminalReporter

from hanami_conformance.cases.failures import SiblingCrashed, TargetDown, TargetRejectedConfiguration
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_conformance.known_failures.file import KnownList, read_list
from hanami_conformance.options.definitions import AUTO, REFERENCE
from hanami_conformance.options.run import RunOptions
from hanami_conformance.options.target import ADDRESS_OPTIONS
from hanami_conformance.resources.cleanup import delete_leftovers, describe
from hanami_conformance.resources.factory import Leftover, run_prefix
from hanami_conformance.server.crash_bisect import ExecutedCase
from hanami_conformance.server.crash_recovery import CrashRecovery, TargetLossHandler
from hanami_conformance.server.open import OpenTarget, open_target
from hanami_conformance.session import SEVERAL_PROCESSES
from hanami_conformance.session.classifier import CaseClassifier
from hanami_conformance.session.collection import (
    case_id,
    is_suite_item,
    keep_first_parameter,
    requirements_of,
    suite_cases,
    title_of,
)
from hanami_conformance.session.event_log import EventLog, EventLogError
from hanami_conformance.session.exchange_budget import ExchangeBudget
from hanami_conformance.session.manifest import Manifest
from hanami_conformance.session.progress import Console, QuietConsole, TerminalConsole
from hanami_conformance.session.pytest_options import resolve_pytest_options, spelled
from hanami_conformance.session.reports import RunReports
from hanami_conformance.session.result import build_result
from hanami_conformance.stateful.property_runner import SearchSettings
from hanami_conformance.suite.context import CONTEXT, SuiteContext
from hanami_conformance.target.target import Target
from hanami_proto.dialect import load_dialect
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RunResult
from hanami_reports.model.known_failure_matching import SuiteCase, find_entry
from hanami_reports.model.known_failures import Entry

SESSION_KEY = pytest.StashKey["ConformanceSession"]()


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
        self._exchanges = ExchangeBudget()
        self._console = console
        self._known = known
        self._suite: Mapping[str, SuiteCase] = {}
        self._today = date.today()  # noqa: DTZ011 - entries expire where the list is read; one day for the whole run
        self.manifest = Manifest(options)
        self._events = EventLog(options.events)
        self._losses = TargetLossHandler(None, self._keep)
        self._target: Target | None = None
        self._classifier: CaseClassifier | None = None
        self._planned: dict[str, pytest.Item] = {}
        self._cases: dict[str, CaseResult] = {}
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
        properties = sum("search" in getattr(item, "fixturenames", ()) for item in self._planned.values())
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
        if opened.startup is not None:
            recovery = CrashRecovery(opened.startup, opened.target, self._rerun, self._console.say)
            self._losses = TargetLossHandler(recovery, self._keep)
        self._config.stash[CONTEXT] = SuiteContext(
            opened.target,
            self.manifest.run_id,
            destructive=self.options.destructive,
            search_settings=self._plan(),
            leftovers=self._leftovers,
            restart=opened.restart,
        )
        self._classifier = CaseClassifier(opened.target, self._match_known_failure)
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
        if self.options.profile.first_case_only:
            chosen = keep_first_parameter(chosen)
        kept = set(chosen)
        dropped = [item for item in items if item not in kept]
        items[:] = chosen
        if dropped:
            self._config.hook.pytest_deselected(items=dropped)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test as one case: record its exchange, and classify it at the end.

        As pytest itself does it, and in place of plugins that run a failing test again: a server that fails now and
        then would pass.
        """
        if not is_suite_item(item) or self._classifier is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._begin_case(item)
        try:
            runtestprotocol(item, nextitem=nextitem)
        finally:
            ran = self._end_case(item)
        if ran is not None:
            self._finish_case(ran, last=nextitem is None)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _begin_case(self, item: pytest.Item) -> None:
        assert self._classifier is not None
        self._losses.begin_case()
        case = begin_case(case_id(item))
        self._events.begin_case(case)
        self._classifier.begin(case, title_of(item), requirements_of(item))

    def _end_case(self, item: pytest.Item) -> ExecutedCase | None:
        assert self._classifier is not None
        recording = current_case()
        result = self._classifier.end()
        end_case()
        self._events.write_exchange(recording)
        return None if result is None else ExecutedCase(item, result, recording)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a case whose test crashed the target in the same way with other parameters.

        Raises:
            SiblingCrashed: If the case need not run.
        """
        if is_suite_item(item) and (reason := self._losses.skip_reason(item)):
            raise SiblingCrashed(reason)

    def _finish_case(self, ran: ExecutedCase, *, last: bool) -> None:
        """Keep the result of a finished case, and handle a lost target."""
        assert self._classifier is not None
        result = ran.result
        shortage = self._classifier.shortage
        try:
            if shortage is None:
                result = self._excuse_known_loss(self._losses.on_case_finished(ran, last=last))
                shortage = self._classifier.shortage  # of a case that ran again
        except MachineShortage as met:
            shortage = met
        if shortage is not None:
            self._note_shortage(shortage)
            result = replace(result, outcome=Outcome.ERROR, reason=self._reason, violated=(), known="", loss="")
            ran.item.session.shouldfail = "this machine lacks what the run needs"
        elif self._losses.abort_reason:
            self._reason = self._losses.abort_reason
            ran.item.session.shouldfail = "target lost"
        self._keep(result)
        self._console.case(result)

    def _keep(self, result: CaseResult) -> None:
        self._cases[result.id] = self._exchanges.fit(result)
        self._reports.note_case(result)
        self._events.write_case(result)

    def _excuse_known_loss(self, result: CaseResult) -> CaseResult:
        """Return the result of a case; KNOWN if the server was restarted, and the list has an entry for the crash."""
        if result.outcome is not Outcome.LOST or not self._losses.restarted:
            return result
        entry = self._match_known_failure(result.id, result.violated, (result.reason,))
        return result if entry is None else replace(result, outcome=Outcome.KNOWN, known=entry.explanation)

    def _rerun(self, item: pytest.Item) -> ExecutedCase | None:
        """Run a case again, apart from all others; return None if it was interrupted."""
        item.session._setupstate.teardown_exact(None)  # noqa: SLF001 - as plugins do that run tests again
        self._begin_case(item)
        try:
            runtestprotocol(item, log=False, nextitem=None)
        finally:
            ran = self._end_case(item)
        return ran

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn an exception of a test into an outcome of its case."""
        report = yield
        if not is_suite_item(item):
            self._foreign_tests_failed |= report.failed
        elif self._classifier is not None:
            self._classifier.phase(call, report)
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
        if self._interrupted and not self._cases:
            self._reason = "before the first case"
        elif not self._planned:
            self._reason = self._reason or "no case matches the selection"
        self.result = build_result(
            planned={name: (title_of(item), requirements_of(item)) for name, item in self._planned.items()},
            cases=self._cases,
            manifest=self.manifest.to_dict(),
            selected=self.options.requirements,
            level=self.options.level,
            reason=self._reason,
            unreachable=exitstatus == ExitStatus.TARGET_LOST,
            interrupted=self._interrupted,
            shortage=self._shortage,
            leftovers=describe(self._leftovers),
            restarted=self._losses.restarted,
            known=self._known,
            suite=self._suite,
            today=self._today,
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
        if self._target is not None and self._cases and not self._losses.abort_reason:
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


def start_session(config: pytest.Config) -> ConformanceSession:
    """Return the run of a pytest session; the first call starts it.

    Raises:
        pytest.UsageError: If an option is wrong or missing.
    """
    if SESSION_KEY in config.stash:
        return config.stash[SESSION_KEY]
    if hasattr(config, "workerinput"):  # a process of pytest-xdist; the first one ends them all
        worker: Any = config
        worker.workeroutput[SEVERAL_PROCESSES] = True
        raise pytest.UsageError(SEVERAL_PROCESSES)
    try:
        # Without a run no target is needed, and the options of one are not checked.
        replaced = {"target": REFERENCE, **dict.fromkeys(ADDRESS_OPTIONS)} if config.option.collectonly else None
        options = resolve_pytest_options(config, replaced)
        known = None if options.known is None or config.option.collectonly else read_list(options.known)
        if known is not None and options.target.dialect != AUTO:  # else it is checked when the target is reached
            known.check_dialect(load_dialect(options.target.dialect).name)
        folder = ConformanceReportFolder(options.report_dir)
        if not config.option.collectonly:
            folder.prepare()
    except (ValueError, ReportFolderError) as error:
        raise pytest.UsageError(spelled(config, str(error))) from error
    console = (
        TerminalConsole(capture_terminal_reporter(config), verbose=config.option.verbose > 0)
        if config.getoption("hanami_console")
        else QuietConsole()
    )
    SECRETS.clear()
    run = ConformanceSession(config, options, folder, console, known)
    config.stash[SESSION_KEY] = run
    config.pluginmanager.register(run, "hanami-run")
    return run


def capture_terminal_reporter(config: pytest.Config) -> io.StringIO:
    """Let pytest report into memory, where the console command reports in its place.

    Returns:
        The output of pytest, for internal errors.
    """
    output = io.StringIO()
    manager = config.pluginmanager
    manager.unregister(manager.get_plugin("terminalreporter"))
    manager.register(TerminalReporter(config, output), "terminalreporter")
    return output
