"""What verdicts, outcomes, levels and exit statuses mean, in words for help texts and documentation."""

from __future__ import annotations

from collections.abc import Mapping

from hanami_reports.model.conformance import ExitStatus, Level, Outcome, Verdict
from hanami_reports.model.load import RunState

LEVELS: Mapping[Level, str] = {
    Level.MUST: "the workflow document states it",
    Level.SHOULD: "it follows from the document or from its purpose: safety, no loss of data, clear errors",
    Level.OBSERVE: "the document leaves it open: the suite records the behaviour and does not judge it",
}
VERDICTS: Mapping[Verdict, str] = {
    Verdict.PASS: "every case that could judge it passed; the reason counts those that could not",
    Verdict.FAIL: "at least one case failed; its exchange is shown",
    Verdict.KNOWN: "it fails only as the list of known failures says; no effect on the exit status",
    Verdict.OBSERVED: "the protocol leaves it open; the report says what the server does",
    Verdict.UNSUPPORTED: "the server lacks a feature, or the run lacks an option, that its cases need",
    Verdict.NOT_RUN: "no case could judge it: an earlier step failed, no sequence reached it, or the run ended early",
    Verdict.LOST: "every case of it lost the server, so nothing could be judged",
    Verdict.VACUOUS: "a case sent or checked nothing, so its success proves nothing",
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.PASSED: "the server did what the case requires",
    Outcome.FAILED: "the server violated a requirement",
    Outcome.KNOWN: "it failed as the list of known failures says",
    Outcome.UNSUPPORTED: "the server lacks a feature, or the run lacks an option, that it needs",
    Outcome.BLOCKED: "an earlier step failed, so it judged nothing",
    Outcome.VACUOUS: "it sent or checked nothing",
    Outcome.LOST: "the server crashed, or no longer answers",
    Outcome.ERROR: "an internal error of the suite, or its machine lacks what the run needs",
    Outcome.SKIPPED: "two other parameters of the same test lost the server in the same way",
    Outcome.NOT_RUN: "the run ended before it",
}
EXIT_STATUSES: Mapping[ExitStatus, str] = {
    ExitStatus.CONFORMANT: "conformant, apart from listed known failures",
    ExitStatus.NOT_CONFORMANT: "not conformant; also if the list of known failures is wrong",
    ExitStatus.INTERRUPTED: "interrupted",
    ExitStatus.SUITE_FAULT: "internal error of the suite, or its machine lacks what the run needs",
    ExitStatus.USAGE: "wrong options, or credentials that the target rejects",
    ExitStatus.NOTHING_RAN: "nothing ran, or a selected requirement is NOT RUN",
    ExitStatus.TARGET_LOST: "target not reachable, or lost during the run",
}
LOAD_STATES: Mapping[RunState, str] = {
    RunState.PASS: "every limit holds, with enough samples",
    RunState.FAIL: "a limit is exceeded",
    RunState.INVALID: "not conclusive: the generator was the bottleneck, there are too few samples, a scenario never"
    " achieved its purpose, or a worker was lost",
    RunState.INTERRUPTED: "Ctrl-C, SIGTERM or SIGHUP before the end; the reports are written",
    RunState.LOST: "the target was not reachable, or is down at the end",
    RunState.INTERNAL_ERROR: "the load generator failed",
}
