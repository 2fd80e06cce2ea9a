"""Count the faults of the reference backend that generated sequences alone find, and the time that it takes them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hypothesis.strategies import SearchStrategy

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.cases.step import Step
from hanami_conformance.options.profiles import DEEP, Profile
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.property_runner import PropertyRunner, SearchState
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.stateful.strategies.direct_io import direct_sequences
from hanami_conformance.stateful.strategies.overlap import overlap_sequences
from hanami_conformance.stateful.strategies.uploads import upload_sequences
from hanami_conformance.target.connect import connect
from hanami_proto.options import whole_number
from hanami_reference_backend.faults import UnknownFaultError, select_faults
from tools.process import run_command
from tools.reference import LARGE_FILES, USERS, backend

DEADLINE = 3.0  # seconds that a search waits for an answer
CONNECTIONS = 8
LONG = 600.0  # seconds that a search may take
MOST_TEXT = 100  # characters of a failure in a line
STRATEGIES: Mapping[str, Callable[[Profile], SearchStrategy[list[Step]]]] = {
    "upload": lambda profile: upload_sequences(profile.most_steps, profile.largest_file, swarm=profile.guided),
    "direct": lambda profile: direct_sequences(profile.most_steps, swarm=profile.guided),
    "overlap": lambda profile: overlap_sequences(profile.most_steps),
}
# Faults that depend on what happened before, by the kind of the sequences that can find them.
SAMPLE: Mapping[str, Sequence[str]] = {
    "upload": (
        "last-part-of-a-segment-forgotten",
        "hundredth-chunk-not-stored",
        "positions-cut-to-20-bits",
        "third-writes-are-zeros",
        "ends-wrap-around",
        "undecodable-bytes-clear-the-file",
        "eighth-of-a-row-lost",
        "late-fragments-lost",
        "pongs-forget-fragments",
        "last-chunk-lost-with-its-socket",
        "uploads-mixed",
        "repeats-undo-complete",
        "complete-reported-once",
        "uploads-deleted-under-a-socket-listed",
        "a-deletion-ends-the-youngest-upload",
    ),
    "direct": (
        "switch-works-once",
        "training-lost-at-a-switch",
        "training-in-parts-lost",
        "neurons-stay-charged",
        "one-answer-in-a-hundred-wrong",
        "silent-after-150-cycles",
        "pipelined-requests-reordered",
        "lost-sockets-finish-their-training",
        "one-cluster-at-a-time",
        "eleventh-socket-rejected",
        "broken-cycle-blocks-the-cluster",
        "mistakes-in-training-train",
    ),
    "overlap": (
        "put-beside-the-last-chunk-lacks-it",
        "switch-beside-a-cycle-leaves-no-mode",
        "cycles-at-once-share-an-output",
    ),
}


@dataclass(frozen=True)
class Attempt:
    """A search against one fault.

    Attributes:
        fault: Name of the fault.
        found: The failure in one line; empty if none was found.
        seconds: Time of the search.
        sequences: Number of executed sequences.
        exchanges: Number of sent messages.
    """

    fault: str
    found: str
    seconds: float
    sequences: int
    exchanges: int

    def __str__(self) -> str:
        cost = f"{self.exchanges:6} exchanges {self.sequences:5} sequences {self.seconds:6.1f} s"
        return f"{self.fault:42} {cost}  {self.found or 'not found'}"


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong options end the program with status 2 and one line."""
    parser = argparse.ArgumentParser(prog="python -m tools.sequence_search", description=__doc__)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; repeatable")
    parser.add_argument(
        "--exchanges",
        type=whole_number(1),
        default=5000,
        metavar="N",
        help="messages that a search sends at most: unlike its time, they are the same on a busy machine "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=whole_number(0), action="append", metavar="N", help="seed of the search; repeatable (default: 0)"
    )
    parser.add_argument("--unguided", action="store_true", help="draw each sequence without regard to earlier ones")
    options = parser.parse_args(argv)
    try:
        select_faults(options.fault)
    except UnknownFaultError as error:
        parser.error(str(error))
    if unknown := set(options.fault) - {name for names in SAMPLE.values() for name in names}:
        parser.error(f"not in the sample: {', '.join(sorted(unknown))}")
    return options


class Found(BaseException):
    """A sequence failed; not an Exception, which Hypothesis would shrink."""


@dataclass(frozen=True)
class FirstFailure(PropertyRunner):
    """A property runner that ends with the first failure, or when it has sent enough."""

    most_exchanges: int = 0

    def _execute(self, kind: str, steps: list[Step], state: SearchState) -> None:
        if current_case().sent >= self.most_exchanges:
            raise Found("")
        try:
            super()._execute(kind, steps, state)
        except (Violation, PreconditionFailed, TargetDown) as failure:
            raise Found(failure) from failure


@contextmanager
def _factory(fault: str) -> Iterator[ResourceFactory]:
    """Provide a factory of resources on a reference backend with a fault."""
    users = [Credentials(name, f"very-secret-{number}") for number, name in enumerate(("alice", "bob"), start=1)]
    with backend(*USERS, *LARGE_FILES, "--fault", fault) as url:
        options = TargetOptions(
            url=url, account=users[0], other_account=users[1], deadline=DEADLINE, max_connections=CONNECTIONS
        )
        yield ResourceFactory(connect(options), "aaaa1111")


def search(fault: str, kind: str, profile: Profile, seed: int, exchanges: int) -> Attempt:
    """Search with sequences of a kind until one fails."""
    case = begin_case(fault)
    found = ""
    try:
        with _factory(fault) as resources:
            began = time.monotonic()
            try:
                settings = SearchSettings(profile, seed, LONG, None)
                FirstFailure(settings, resources, most_exchanges=exchanges)(kind, STRATEGIES[kind](profile))
            except Found as failure:
                found = str(failure)
            took = time.monotonic() - began
    finally:
        end_case()
    return Attempt(fault, found[:MOST_TEXT], took, case.sequences, case.sent)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit status: 0."""
    options = parse_options(argv)

    def run() -> int:
        profile = replace(DEEP, shrink_seconds=0.0, guided=not options.unguided)
        attempts = []
        for seed in options.seed or [0]:
            for kind, names in SAMPLE.items():
                for name in names:
                    if not options.fault or name in options.fault:
                        attempts.append(search(name, kind, profile, seed, options.exchanges))
                        print(attempts[-1], flush=True)
        found = sum(bool(one.found) for one in attempts)
        minutes = sum(one.seconds for one in attempts) / 60
        thousands = sum(one.exchanges for one in attempts) / 1000
        rates = f"{found / thousands:.2f} in 1,000 exchanges, {found / minutes:.1f} a minute"
        print(f"{found} of {len(attempts)} found with {thousands:.0f},000 exchanges in {minutes:.1f} minutes: {rates}")
        return 0

    return run_command(run)


if __name__ == "__main__":
    sys.exit(main())
