"""What hanami-load reports is true, or it says that it may not be."""

from __future__ import annotations

import pytest

from hanami_reports.model.load import RunState
from tools.clocks.__main__ import cells, main, parse_options
from tools.clocks.runs import OURS, STOCK, Cell, Comparison, Measured
from tools.clocks.table import explain, head, row, verdict

CELL = Cell("constant", "open", 4)
TRUE = {"p50": 0.1, "p95": 0.2, "p99": 0.3, "max": 0.4}


def measured(
    state: RunState | None, *, wrong: float = 0.0, failures: int = 0, name: str = OURS, doubted: bool = False
) -> Measured:
    reported = {**TRUE, "p99": TRUE["p99"] * (1 + wrong)}
    return Measured(name, CELL, (Comparison("direct request", reported, TRUE, failures, 0),), state, doubted, 0.1)


@pytest.mark.parametrize(
    ("one", "word", "holds"),
    [
        (measured(RunState.PASS, wrong=0.04), "right", True),
        (measured(RunState.PASS, wrong=-0.06), "WRONG", False),
        (measured(RunState.PASS, failures=1), "WRONG", False),
        (measured(RunState.FAIL, wrong=0.5), "WRONG", False),
        (measured(RunState.INVALID, wrong=0.5, doubted=True), "INVALID", True),
        (measured(RunState.FAIL, wrong=0.5, doubted=True), "INVALID", True),
        (measured(RunState.INVALID, wrong=0.5), "WRONG", False),  # for another reason
        (measured(None, wrong=0.5, name=STOCK), "WRONG", False),
    ],
)
def test_a_run_misleads_nobody_if_it_is_right_or_invalid(one: Measured, word: str, holds: bool) -> None:
    assert (verdict(one), one.holds) == (word, holds)


def test_a_maximum_may_be_too_long_where_the_report_says_so() -> None:
    reported = {**TRUE, "max": TRUE["max"] * 1.5}
    for cpu_wait, word in ((0.04, "WRONG"), (0.06, "max ?")):
        compared = Comparison("direct request", reported, TRUE, 0, 0)
        assert verdict(Measured(OURS, CELL, (compared,), RunState.PASS, is_doubted=False, cpu_wait=cpu_wait)) == word


def test_a_row_has_both_generators_side_by_side() -> None:
    line = row(CELL, {OURS: measured(RunState.PASS), STOCK: measured(None, wrong=-0.5, name=STOCK)})
    cells_of_row = [text.strip() for text in line.strip("|").split("|")]
    errors = "+0%  +0%  -50%  +0%"
    assert cells_of_row == [
        *("4 busy processes", "open", "constant", "300 ms"),
        *(errors.replace("-50", "+0"), "right", "10%", errors, "WRONG"),
    ]
    assert [len(one) for one in head()] == [len(line)] * len(head())


def test_a_wrong_value_is_named() -> None:
    assert explain(measured(RunState.PASS, wrong=-0.5, failures=2)) == (
        "constant, open, beside 4 busy processes: direct request p99 150.0 ms, true 300.0 ms; "
        "direct request: 2 failures, 0 lost"
    )


def test_everything_is_measured_unless_the_options_choose() -> None:
    assert len(list(cells(parse_options([])))) == 8 * 2 * 2
    assert list(cells(parse_options(["--server", "bimodal", "--model", "closed", "--busy", "0"]))) == [
        Cell("bimodal", "closed")
    ]
    with pytest.raises(SystemExit):
        parse_options(["--busy", "-1"])


@pytest.mark.slow
def test_the_clocks_can_be_trusted() -> None:
    assert main(["--quick"]) == 0
