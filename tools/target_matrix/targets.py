"""The challenging targets of ``make target-matrix``: what is hard about each, and what a run must say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from hanami_reports.model.conformance import ExitStatus, Outcome, RunResult, Verdict
from tools.target_matrix.servers import (
    Serve,
    behind,
    behind_tls,
    counted,
    dying,
    reference,
    simulated,
    started_by_the_suite,
)
from tools.tcp_proxy import NetworkConditions

SMOKE = ("--profile", "smoke")
# At 50 ms each way the gate takes hours, and smoke most of one. These take seven minutes: the steps of the protocol,
# what is pipelined or lost, clients that do not answer.
LATE_REQUIREMENTS = ("ATT", "PROG", "FIN-1", "MODE", "DATA-1", "DATA-7", "DATA-10", "DIO-1", "DIO-3", "GEN-4")
LATE_SELECTION = "not digits and not sequences and not combinations and not test_many.py"
LATE_CASES = (*(f"--requirement={name}" for name in LATE_REQUIREMENTS), "-k", LATE_SELECTION)
LATENCY = 0.05  # seconds in each direction
LIFETIME = 30.0  # seconds
WITH_LATENCY = NetworkConditions(latency=LATENCY)
LIMITED_LIFETIME = NetworkConditions(lifetime=LIFETIME)
LATENCY_AND_LIMITED_LIFETIME = NetworkConditions(latency=LATENCY, lifetime=LIFETIME)
ONE_AND_A_CALL = NetworkConditions(most=2)
SETTLED = (Verdict.PASS, Verdict.OBSERVED, Verdict.UNSUPPORTED)


@dataclass(frozen=True)
class TargetScenario:
    """A scenario.

    Attributes:
        name: Name of the scenario.
        title: Description of the difficulty, and the profile that is run.
        serve: Function that starts the target.
        options: Options of the run, besides those that reach the target.
        status: Expected exit status.
        unsupported: Ids of the requirements that may be UNSUPPORTED in a conformant run.
        lost: Tests with at least one LOST case in a run that is not conformant.
        lacking: Largest number of unsupported cases, by a part of the reason; any other reason is a deviation.
        least: Least number of passed cases.
        has_defects: Whether the server is simulated, with a table of its defects and the expected findings.
        seconds: Time in seconds after which the run is stopped, about three times that on an idle machine.
    """

    name: str
    title: str
    serve: Serve
    options: tuple[str, ...] = ()
    status: int = ExitStatus.CONFORMANT
    unsupported: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    lacking: Mapping[str, int] = field(default_factory=dict)
    least: int = 1
    has_defects: bool = False
    seconds: float = 600.0


NOT_STARTED = {"needs a token that was valid once": 7, "needs a server that the suite may restart": 3}
FEW_CONNECTIONS = {"needs 4 connections at the same time": 1}  # where two are allowed
NO_CONTENT = {"the content of a dataset cannot be read back": 100, "has no operation dataset.content": 7}
NO_KEPT_CONNECTIONS = {"the server keeps no connection": 8}
WHOLE = 480  # cases
NO_INNER_SIZES = {"have no size of an internal brick": 6}
NO_SIZES = {"the size of a brick comes from the messages": 3, "have no size of an": 18}
NONSENSE = tuple(
    f"test_direct_io_invalid.py::test_{name}"
    for name in ("undecodable_bytes_are_a_mistake", "a_mistake_does_not_disturb_another_cluster")
)

COUNTED_CASES = ("-k", "not idle_connections_block")  # which opens more connections than allowed on purpose

SHORT_WAITS = ("--deadline", "4")  # simulated servers answer soon or never: most of a run is waiting

SCENARIOS = (
    # The longest first, so that two at a time end together.
    TargetScenario(
        "hanami-0.4.1",
        "the released server, simulated with its defects: crashes, lost workers ...; gate",
        simulated("hanami-0.4.1"),
        ("--dialect", "hanami-0.4", *SHORT_WAITS),
        status=ExitStatus.NOT_CONFORMANT,
        has_defects=True,
        seconds=2700.0,
    ),
    TargetScenario(
        "openhanami-0.5.0",
        "the same of this one",
        simulated("openhanami-0.5.0"),
        ("--dialect", "openhanami-0.5", *SHORT_WAITS),
        status=ExitStatus.NOT_CONFORMANT,
        has_defects=True,
        seconds=2700.0,
    ),
    TargetScenario(
        "quirks-openhanami-0.5",
        "four workers, slow, closes each connection; gate",
        counted(3, "--quirks", "openhanami-0.5"),
        ("--dialect", "openhanami-0.5", *COUNTED_CASES),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS, **NO_INNER_SIZES, **NO_KEPT_CONNECTIONS},
        least=WHOLE,
    ),
    TargetScenario(
        "quirks-hanami-0.4",
        "four workers, slow, closes each connection; gate, dialect auto",
        counted(3, "--quirks", "hanami-0.4"),
        ("--dialect", "auto", *COUNTED_CASES),
        unsupported=("FIN-2",),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS, **NO_CONTENT, **NO_KEPT_CONNECTIONS},
        least=WHOLE,
    ),
    TargetScenario(
        "latency",
        "50 ms each way; smoke, and of that a tenth, since the gate would take an hour",
        behind(WITH_LATENCY),
        (*SMOKE, *LATE_CASES),
        lacking={"needs a server that the suite may restart": 1},
        least=60,
        seconds=900.0,
    ),
    TargetScenario(
        "old-sockets-late",
        "30 s for each connection, and 50 ms each way; the cases that need longer: UNSUPPORTED, none FAILED",
        behind(LATENCY_AND_LIMITED_LIFETIME),
        (*SMOKE, "-k", "digits or test_attach"),
        unsupported=("DIO-8",),
        lacking={"the server closes connections that are about 30 s old": 1},
        least=10,
    ),
    TargetScenario(
        "old-sockets",
        "30 s for each connection; gate",
        behind(LIMITED_LIFETIME),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS},
        least=WHOLE,
    ),
    TargetScenario(
        "one-connection",
        "one websocket and one REST call at the same time, the next ones wait; gate",
        behind(ONE_AND_A_CALL),
        ("--max-connections", "1"),
        lacking={"the limit is 1": 130, **NOT_STARTED},
        least=WHOLE - 40,
    ),
    TargetScenario(
        "tls-proxy", "TLS and a base path; gate", behind_tls, lacking={**NOT_STARTED, **FEW_CONNECTIONS}, least=WHOLE
    ),
    TargetScenario(
        "documented", "the dialect; gate", reference(), lacking={**NOT_STARTED, **FEW_CONNECTIONS}, least=WHOLE
    ),
    TargetScenario(
        "hanami-0.4",
        "the dialect; gate",
        reference("--dialect", "hanami-0.4"),
        ("--dialect", "hanami-0.4"),
        unsupported=("FIN-2",),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS, **NO_CONTENT},
        least=WHOLE,
    ),
    TargetScenario(
        "openhanami-0.5",
        "the dialect, found by auto; gate",
        reference("--dialect", "openhanami-0.5"),
        ("--dialect", "auto"),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS, **NO_INNER_SIZES},
        least=WHOLE,
    ),
    TargetScenario(
        "openhanami-0.6",
        "the dialect, found by auto: templates without sizes, another login; gate",
        reference("--dialect", "openhanami-0.6"),
        ("--dialect", "auto"),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS, **NO_SIZES},
        least=WHOLE,
    ),
    TargetScenario(
        "openhanami-0.7",
        "the dialect, found by auto: as 0.6 with other lists; gate",
        reference("--dialect", "openhanami-0.7"),
        ("--dialect", "auto"),
        lacking={**NOT_STARTED, **FEW_CONNECTIONS, **NO_SIZES},
        least=WHOLE,
    ),
    TargetScenario(
        "dies-of-positions",
        "ends of a position far beyond the end; started again by the suite; DATA-5 and what else goes on",
        started_by_the_suite("dies-of-large-positions"),
        ("--requirement", "DATA-5", "--requirement", "DATA-6", "--requirement", "DATA-12", "-k", "not sequences"),
        status=ExitStatus.NOT_CONFORMANT,
        lost=("test_upload_data_invalid.py::test_a_chunk_beyond_the_end_is_rejected",),
        least=10,
    ),
    TargetScenario(
        "dies-of-nonsense",
        "ends of bytes that are no message; started again by the suite; smoke of DIO-12 and what else goes on",
        started_by_the_suite("dies-of-undecodable-bytes"),
        (*SMOKE, "--requirement", "DIO-12", "--requirement", "DIO-13", "-k", "not sequences"),
        status=ExitStatus.NOT_CONFORMANT,
        lost=NONSENSE,
        least=5,
    ),
    TargetScenario(
        "dies-again-and-again",
        "the same in the gate, where most cases crash it: each is judged, or skipped as like two others",
        started_by_the_suite("dies-of-undecodable-bytes"),
        ("--requirement", "DIO-12", "--requirement", "DIO-13", "-k", "not sequences"),
        status=ExitStatus.NOT_CONFORMANT,
        lost=NONSENSE,
        least=10,
    ),
    TargetScenario(
        "dies-unwatched",
        "ends of bytes that are no HTTP, and nobody starts it again; GEN-2",
        partial(dying, "dies-of-broken-requests"),
        ("--requirement", "GEN-2", "-k", "not sequences"),
        status=ExitStatus.TARGET_LOST,
        lost=("test_general_texts.py::test_a_token_of_any_bytes",),
        least=1,
    ),
)


def by_name() -> dict[str, TargetScenario]:
    """All of them."""
    return {scenario.name: scenario for scenario in SCENARIOS}


def complaints(scenario: TargetScenario, status: int | None, result: RunResult | None) -> list[str]:
    """Return what is not as expected of a run against a scenario.

    Args:
        scenario: Scenario of the run.
        status: Exit status; None if the run had to be stopped.
        result: Result of the run; None if it left none.
    """
    if status is None:
        return [f"it did not end within {scenario.seconds:g} s"]
    found = [] if status == scenario.status else [f"exit status {status} in place of {scenario.status}"]
    if result is None:
        return [*found, "no result"]
    passed = sum(case.outcome is Outcome.PASSED for case in result.cases)
    found += [] if passed >= scenario.least else [f"{passed} cases passed, not {scenario.least}"]
    if not scenario.has_defects and scenario.status != ExitStatus.TARGET_LOST:
        found += [f"left over: {left}" for left in result.leftovers]
    if scenario.has_defects:
        return found + unjudged(result)
    found += green(scenario, result) if scenario.status == ExitStatus.CONFORMANT else red(scenario, result)
    return found


def unjudged(result: RunResult) -> list[str]:
    """Return the cases that have no outcome of their own."""
    without = (Outcome.ERROR, Outcome.NOT_RUN, Outcome.VACUOUS)
    return [f"{case.id} {case.outcome.value}: {case.reason}" for case in result.cases if case.outcome in without]


def green(scenario: TargetScenario, result: RunResult) -> list[str]:
    """Return what is not as expected where all must be well."""
    wrong = [one for one in result.requirements if one.selected and one.verdict not in SETTLED]
    found = [f"{one.id} {one.verdict.value}: {one.reason}" for one in wrong]
    unsupported = {one.id for one in result.requirements if one.selected and one.verdict is Verdict.UNSUPPORTED}
    if unsupported != set(scenario.unsupported):
        expected = ", ".join(scenario.unsupported) or "nothing"
        found.append(f"unsupported: {', '.join(sorted(unsupported)) or 'nothing'}, not {expected}")
    reasons = Counter(case.reason for case in result.cases if case.outcome is Outcome.UNSUPPORTED)
    seen: Counter[str] = Counter()
    for reason, count in reasons.items():
        part = next((part for part in scenario.lacking if part in reason), None)
        if part is None:
            found.append(f"{count} unsupported: {reason}")
        else:
            seen[part] += count
    for part, most in scenario.lacking.items():
        if not 1 <= seen[part] <= most:
            found.append(f"{seen[part]} cases unsupported, not 1 to {most}: {part}")
    return found


def red(scenario: TargetScenario, result: RunResult) -> list[str]:
    """Return the deviations of a run that loses its server: no other case may fail."""
    gone = [case for case in result.cases if case.outcome is Outcome.LOST]
    found = [
        f"no case is LOST of {test}" for test in scenario.lost if not any(case.id.startswith(test) for case in gone)
    ]
    found += [f"{case.id} is LOST: {case.reason}" for case in gone if not case.id.startswith(scenario.lost)]
    started = scenario.status == ExitStatus.NOT_CONFORMANT
    found += [f"no log is quoted with {case.id}" for case in gone if started and not case.server_log]
    found += [
        f"its end is not reported in {case.id}: {case.reason}"
        for case in gone
        if started and "its process" not in case.reason
    ]
    others = (Outcome.FAILED, Outcome.ERROR, Outcome.BLOCKED, Outcome.VACUOUS, *((Outcome.NOT_RUN,) if started else ()))
    found += [f"{case.id} {case.outcome.value}: {case.reason}" for case in result.cases if case.outcome in others]
    return found
