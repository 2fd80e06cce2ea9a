"""Judge faulty variants of the example client: does ``hanami-conformance client`` detect each, for the right reason?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from threading import Event

from hanami_conformance import __version__
from hanami_conformance.client_mode.scenario import scenarios
from hanami_proto.dialect import DEFAULT_DIALECT, dialect_names
from hanami_reports.common.text import pluralise
from tools.client_kill_matrix.runs import run_client, run_variant
from tools.client_kill_matrix.variants import Variant, VariantError, all_variants, select_variants
from tools.command_options import add_deadline, add_jobs, add_report_dir
from tools.kill_matrix.matrix import Matrix, Subject, baseline_problems
from tools.kill_matrix.output import RowPrinter, run_matrix
from tools.kill_matrix.plan import Plan
from tools.kill_matrix.runs import requirements_by_test

CLIENTS = Subject(
    "client kill matrix",
    "hanami-client-kill-matrix",
    "client",
    "variant",
    "scenario",
    "hanami-conformance client judged each faulty variant of the example client in the scenarios that must detect it.",
)


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong options end the program with status 2 and one line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.client_kill_matrix",
        description=__doc__,
        epilog="Exit status: 0 passed; 1 there are problems; 2 wrong options; 3 not possible to run; 130 interrupted",
    )
    parser.add_argument("--variant", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--list", action="store_true", help="list the variants, and run nothing")
    parser.add_argument(
        "--all-scenarios",
        action="store_true",
        help="run each variant in all scenarios, not only in those in which it must be detected (hours)",
    )
    parser.add_argument(
        "--dialect",
        default=DEFAULT_DIALECT,
        choices=dialect_names(),
        help="dialect of the server (default: %(default)s)",
    )
    add_jobs(parser, "number of concurrent runs")
    add_deadline(parser, "time limit of a run", 1800.0)
    add_report_dir(parser, "folder for matrix.json and matrix.html", "client-kill-matrix")
    options = parser.parse_args(argv)
    try:
        options.variants = select_variants(options.variant)
        options.report_dir.mkdir(parents=True, exist_ok=True)
    except (VariantError, OSError) as error:
        parser.error(str(error))
    return options


def run(options: argparse.Namespace, stop: Event) -> Matrix:
    """Judge the unmodified client, then every variant."""
    plan = Plan(options.all_scenarios, options.jobs, options.deadline, stop)
    variants: list[Variant] = options.variants
    complete = len(variants) == len(all_variants())
    selected = dict.fromkeys(name for one in variants for name in one.scenarios)
    began = time.monotonic()
    print("the unmodified client first ...", flush=True)
    whole = complete or plan.all_cases
    baseline, status = run_client(plan, options.dialect, None, () if whole else selected)
    found = baseline_problems(baseline, status, CLIENTS)
    if baseline is None or found:
        return Matrix((), {}, frozenset(), {}, found, complete=False, subject=CLIENTS)
    print_row = RowPrinter(len(variants), CLIENTS)
    rows = plan.rows(variants, lambda variant: run_variant(plan, options.dialect, variant), print_row)
    tests = requirements_by_test(baseline)
    shown = tests if plan.all_cases else {name: ids for name, ids in tests.items() if name in selected}
    idle = len(scenarios()) - len(selected)
    note = f"no variant has to be detected in {idle} of {pluralise(len(scenarios()), 'scenario')}"
    return Matrix(
        rows=tuple(rows),
        tests=shown,
        observing=frozenset(),
        levels={requirement.id: requirement.level for requirement in baseline.requirements if requirement.selected},
        baseline_problems=found,
        complete=complete and not plan.all_cases,
        manifest={
            "suite": __version__,
            "seconds": round(time.monotonic() - began, 1),
            "jobs": plan.jobs,
            "dialect": options.dialect,
        },
        subject=CLIENTS,
        notes=(note,) if complete and idle and not plan.all_cases else (),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = parse_options(argv)
    if options.list:
        for one in options.variants:
            print(f"{one.name:<38} {', '.join(one.violates):<16} {one.text}")
        return 0
    return run_matrix(lambda stop: run(options, stop), options.report_dir)


if __name__ == "__main__":
    sys.exit(main())
