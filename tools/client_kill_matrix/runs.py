"""The runs of the client kill matrix: ``hanami-conformance client`` with a faulty client, or with the right one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable

from hanami_conformance.common.temporary import temporary_folder
from hanami_reports.model.conformance import RunResult
from tools.client_kill_matrix.variants import Variant, write_client
from tools.kill_matrix.plan import Plan
from tools.kill_matrix.row import Row, row_from
from tools.process import result_in, run_to_end
from tools.reference import clean_environment

JUDGE_CLIENT = ("-m", "hanami_conformance.cli.main", "client")
CLIENT_SECONDS = 30.0  # that a client gets in each scenario; the unmodified one needs 20 at most


def run_client(
    plan: Plan, dialect: str, variant: Variant | None, scenarios: Iterable[str]
) -> tuple[RunResult | None, int | None]:
    """Judge a variant of the client, or the unmodified one.

    Args:
        plan: Settings of the run.
        dialect: Dialect of the server.
        variant: The variant, None for the unmodified client.
        scenarios: Names of the scenarios, none for all.

    Returns:
        The result, if the run left one, and the exit status, None if the run did not end in time.

    Raises:
        StoppedError: If the run was stopped.
        VariantError: If a change does not fit the client.
    """
    with temporary_folder("hanami-client-kill-") as folder:
        client = write_client(folder, variant)
        command = [sys.executable, *JUDGE_CLIENT, "--dialect", dialect, "--report-dir", str(folder / "report")]
        command += ["--timeout", f"{CLIENT_SECONDS:g}"]
        command += [word for scenario in scenarios for word in ("--scenario", scenario)]
        command += ["--", sys.executable, str(client), "--result-file", "{result_file}"]
        status = run_to_end(command, subprocess.DEVNULL, clean_environment(), None, plan.deadline, plan.stop)
        return result_in(folder / "report"), status


def run_variant(plan: Plan, dialect: str, variant: Variant) -> Row:
    """Return the row of a variant."""
    began = time.monotonic()
    result, status = run_client(plan, dialect, variant, () if plan.all_cases else variant.scenarios)
    planned = 0 if plan.all_cases else len(variant.scenarios)
    return row_from(variant, result, status, time.monotonic() - began, planned)
