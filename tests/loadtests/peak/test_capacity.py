"""A whole search with load runs that a function makes up: budget, verdicts, interruption, files."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from rich.console import Console

from hanami_loadtests.launch import Launch
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.peak.capacity import CapacitySearch, PeakSettings
from hanami_loadtests.scenarios.direct_io import DirectRequest
from hanami_loadtests.settings import settings_from
from hanami_reports.common.file_names import LOAD_PAGE, LOAD_RESULT
from hanami_reports.model.load import EXIT_STATUSES, LimitResult, LoadExit, RunState
from hanami_reports.model.peak import LoadUnit, PeakResult
from support.load_results import Plan, made_up
from support.peak_results import GENERATOR, LIMIT

RUN = made_up(Plan(seconds=12))
Verdict = Callable[[float], RunState]


@dataclass
class Fake:
    """Load runs of a made-up server, on a clock of their own.

    Attributes:
        verdict: State of a run at a load.
        loads: Loads so far.
    """

    verdict: Verdict
    loads: list[float] = field(default_factory=list)
    now: float = 0.0

    def run(self, launch: Launch, _console: Console) -> int:
        words = dict(word.removeprefix("--").split("=", 1) for word in launch.options)
        assert Path(words["report-dir"]) == launch.folder
        load = float(words["rate"]) if "rate" in words else float(launch.users)
        self.loads.append(load)
        self.now += launch.seconds + 4
        state = self.verdict(load)
        limits: tuple[LimitResult, ...] = {RunState.FAIL: (LIMIT,), RunState.INVALID: (GENERATOR,)}.get(state, ())
        result = replace(
            RUN, state=state, exit_status=EXIT_STATUSES[state], limits=limits, reasons=(state.value.lower(),)
        )
        (launch.folder / LOAD_RESULT).write_text(result.to_json(), encoding="utf-8")
        (launch.folder / LOAD_PAGE).write_text("a page", encoding="utf-8")
        return EXIT_STATUSES[state]


def search_with(
    folder: Path, verdict: Verdict, *, model: str = "open", budget: float = 3600, at_least: float | None = None
) -> tuple[PeakResult, Fake]:
    fake = Fake(verdict)
    result = capacity_search(folder, fake, model, budget, at_least).result()
    assert isinstance(result, PeakResult)
    return result, fake


def capacity_search(
    folder: Path, fake: Fake, model: str = "open", budget: float = 3600, at_least: float | None = None
) -> CapacitySearch:
    given = {"user": "alice", "password": "secret", "model": model, "report_dir": str(folder)}
    unit = LoadUnit.MESSAGES if model == "open" else LoadUnit.USERS
    options = PeakSettings(
        settings=settings_from(given, "http://127.0.0.1:1"),
        limits=Limits(),
        scenarios=[DirectRequest],
        unit=unit,
        users=10,
        start=100 if model == "open" else 1,
        most=1e6,
        least_seconds=10,
        budget=budget,
        resolution=0.05,
        at_least=at_least,
    )
    launch = Launch(url="http://127.0.0.1:1", options=[], environment={}, processes=0, folder=folder)
    return CapacitySearch(options, launch, Console(file=io.StringIO()), folder, fake.run, lambda: fake.now)


def capacity(most: float) -> Verdict:
    return lambda load: RunState.PASS if load <= most else RunState.FAIL


def test_the_peak_is_found_with_its_interval_and_what_broke(tmp_path: Path) -> None:
    result, fake = search_with(tmp_path, capacity(730))
    assert (result.state, result.exit_status) == (RunState.PASS, LoadExit.PASS)
    assert result.low is not None
    assert result.high is not None
    assert result.low <= 730 <= result.high <= result.low * 1.06
    assert [one.load for one in result.points] == fake.loads
    assert result.broken_first is not None
    assert result.broken_first.limit == "direct request: response p99 <= 50 ms"
    assert result.broken_first.load == min(load for load in fake.loads if load > 730)


def test_each_point_keeps_its_load_run_and_no_pages(tmp_path: Path) -> None:
    result, _ = search_with(tmp_path, capacity(730))
    assert sorted(path.name for path in tmp_path.glob("points/*")) == [f"{p.number:03d}" for p in result.points]
    assert {path.name for path in tmp_path.glob("points/*/*")} == {LOAD_RESULT}


def test_the_points_of_an_earlier_search_are_removed(tmp_path: Path) -> None:
    search_with(tmp_path, capacity(730))
    mine = tmp_path / "points" / "notes.txt"
    mine.write_text("mine", encoding="utf-8")
    result, _ = search_with(tmp_path, capacity(730), budget=60)
    assert len([path for path in tmp_path.glob("points/*") if path.is_dir()]) == len(result.points)
    assert mine.read_text(encoding="utf-8") == "mine"


def test_users_are_searched_in_the_closed_model(tmp_path: Path) -> None:
    result, fake = search_with(tmp_path, capacity(21), model="closed")
    assert (result.peak, result.low, result.high) == (21, 21, 22)
    assert fake.loads[:6] == [1, 2, 4, 8, 16, 32]
    assert result.headline == "21 users (95 % interval 21 users to 22 users)"


def test_the_limit_of_this_machine_is_no_failure(tmp_path: Path) -> None:
    result, _ = search_with(tmp_path, lambda load: RunState.PASS if load <= 500 else RunState.INVALID)
    assert (result.state, result.exit_status) == (RunState.INVALID, LoadExit.INVALID)
    assert (result.peak, result.high) == (None, None)
    assert result.low is not None
    assert 450 <= result.low <= 500
    assert "this machine cannot offer more" in result.reasons[0]
    assert result.headline.startswith("at least 4")


@pytest.mark.parametrize(("at_least", "state"), [(600, RunState.PASS), (900, RunState.FAIL), (730, RunState.INVALID)])
def test_a_required_load_is_judged_by_the_whole_interval(tmp_path: Path, at_least: float, state: RunState) -> None:
    result, _ = search_with(tmp_path, capacity(730), at_least=at_least)
    assert result.state is state
    assert result.peak == pytest.approx(730, rel=0.03)


def test_a_lower_bound_is_enough_for_a_required_load(tmp_path: Path) -> None:
    result, _ = search_with(tmp_path, lambda load: RunState.PASS if load <= 500 else RunState.INVALID, at_least=400)
    assert result.state is RunState.PASS


def test_nothing_that_holds_is_a_failure(tmp_path: Path) -> None:
    result, fake = search_with(tmp_path, capacity(0))
    assert result.state is RunState.FAIL
    assert fake.loads == [*(pytest.approx(100 / 2**n, rel=1e-3) for n in range(11)), fake.loads[-1]]
    assert result.headline == "not found"
    assert "holds the limits" in result.reasons[0]


@pytest.mark.parametrize("budget", [20, 60, 120, 200, 400])
def test_a_search_keeps_to_its_budget(tmp_path: Path, budget: float) -> None:
    result, fake = search_with(tmp_path, capacity(730), budget=budget)
    assert fake.now <= budget
    assert result.points
    assert any("budget" in reason for reason in result.reasons) == (budget < 400)
    assert result.low is None or result.low <= 730
    assert result.high is None or result.high >= 730


def test_an_interrupted_search_keeps_what_was_found(tmp_path: Path) -> None:
    def verdict(load: float) -> RunState:
        if load > 700:
            raise KeyboardInterrupt
        return RunState.PASS

    result, _ = search_with(tmp_path, verdict)
    assert (result.state, result.exit_status) == (RunState.INTERRUPTED, LoadExit.INTERRUPTED)
    assert result.headline == "at least 400/s"
    assert len(result.points) == 3


def test_a_target_that_goes_down_ends_the_search(tmp_path: Path) -> None:
    result, fake = search_with(tmp_path, lambda load: RunState.LOST if load > 700 else RunState.PASS)
    assert (result.state, result.exit_status) == (RunState.LOST, LoadExit.TARGET_LOST)
    assert result.reasons == ("at 800/s: lost",)
    assert fake.loads == [100, 200, 400, 800]


def test_a_first_run_that_cannot_begin_leaves_no_result(tmp_path: Path) -> None:
    fake = Fake(capacity(730))
    search = capacity_search(tmp_path, fake)
    search.run = lambda _launch, _console: LoadExit.USAGE
    assert search.result() == LoadExit.USAGE
