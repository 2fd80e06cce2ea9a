"""The command ``coverage``: the pairs that did not meet, each with the reason, and an exit status for CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_conformance.cli.main import main
from hanami_reports.conformance.html.page import conformance_page
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import Outcome, RunResult
from hanami_reports.model.coverage import ModelCoverage, NotCovered
from hanami_reports.model.findings import result_json
from support.conformance_results import case, run_of

WHOLE = ModelCoverage(
    "table",
    "upload of a table",
    dimensions=2,
    values=5,
    rows=3,
    pairs=6,
    covered=4,
    excluded=(NotCovered("owner = other user", ("body = sized", "body = one chunk"), "needs a second user"),),
)
PART = ModelCoverage(
    "cluster",
    "direct interaction with a cluster",
    dimensions=2,
    values=4,
    rows=1,
    pairs=4,
    covered=3,
    missing=(NotCovered("pause = 1 s", ("frames = one",), "the time was <over>"),),
)


def result_with(*coverage: ModelCoverage) -> RunResult:
    result = run_of([case(1, Outcome.PASSED, "A-1")])
    return RunResult(result.manifest, result.exit_status, "", result.requirements, result.cases, (), None, coverage)


def coverage(folder: Path, *options: str, models: tuple[ModelCoverage, ...]) -> int:
    path = folder / "result.json"
    path.write_text(result_json(result_with(*models)), encoding="utf-8")
    return main(["coverage", str(path), *options])


def test_every_pair_that_did_not_meet_is_listed_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert coverage(tmp_path, models=(WHOLE, PART)) == 1
    assert capsys.readouterr().out.splitlines() == [
        "upload of a table: 4 of 4 pairs that can meet, in 3 rows; 2 more excluded",
        "  excluded: owner = other user, 2 pairs: needs a second user",
        "    owner = other user and body = sized",
        "    owner = other user and body = one chunk",
        "",
        "direct interaction with a cluster: 3 of 4 pairs that can meet, in 1 row; 0 more excluded",
        "  not covered: pause = 1 s, 1 pair: the time was <over>",
        "    pause = 1 s and frames = one",
    ]


def test_a_model_is_chosen_and_what_is_excluded_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage(tmp_path, "--model", "table", "--missing", models=(WHOLE, PART)) == 0
    assert capsys.readouterr().out == "upload of a table: 4 of 4 pairs that can meet, in 3 rows; 2 more excluded\n"


@pytest.mark.parametrize(
    ("options", "models", "message"),
    [
        ((), (), "no coverage of any input model, it has none"),
        (("--model", "tables"), (WHOLE, PART), "no coverage of 'tables', it has table, cluster"),
    ],
)
def test_a_result_without_the_coverage_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    models: tuple[ModelCoverage, ...],
    message: str,
) -> None:
    assert coverage(tmp_path, *options, models=models) == 4
    assert message in capsys.readouterr().err


def test_the_page_has_the_figures_and_the_reasons() -> None:
    page = conformance_page(result_with(WHOLE, PART))
    assert "Coverage of the input models" in page
    assert "4 of 4" in page
    assert "1: the time was &lt;over&gt;" in page
    assert "Coverage of the input models" not in conformance_page(result_with())


def test_the_terminal_has_a_line_for_each_model_if_it_is_verbose() -> None:
    result = result_with(WHOLE, PART)
    line = "coverage  upload of a table: 4 of 4 pairs that can meet, in 3 rows; 2 more excluded"
    assert line in render_result(result, None, color=False, verbose=True)
    assert line not in render_result(result, None, color=False)
