"""The start of a run in a pytest session: its options are checked, its folder is prepared, its console is chosen."""

from __future__ import annotations

import io
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.known_failures.file import read_list
from hanami_conformance.options.definitions import AUTO, REFERENCE
from hanami_conformance.options.target import ADDRESS_OPTIONS
from hanami_conformance.session import SEVERAL_PROCESSES
from hanami_conformance.session.progress import QuietConsole, TerminalConsole
from hanami_conformance.session.pytest_options import resolve_pytest_options, spelled
from hanami_conformance.session.session import ConformanceSession
from hanami_proto.dialect import load_dialect
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.conformance.report_folder import ConformanceReportFolder

SESSION_KEY = pytest.StashKey[ConformanceSession]()


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
    PREPARATIONS.reset()
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
