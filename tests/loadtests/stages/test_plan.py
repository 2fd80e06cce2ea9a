"""The plan of a run in stages: what each kind does, and every mistake in one line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hanami_loadtests.settings import settings_from
from hanami_loadtests.stages.plan import StagePlan, plan_for, rate_curves, read_plan

PLAN = """
[[stage]]
kind = "ramp"
seconds = 10
users = 20
rate = 100
[[stage]]
name = "plateau"
kind = "soak"
seconds = 60
[[stage.limit]]
metric = "response"
of = "direct request"
statistic = "p99"
at_most = "50 ms"
[[stage.drift]]
metric = "server.memory"
at_most = "1 MB per hour"
[[stage]]
kind = "spike"
seconds = 5
users = 50
rate = 400
[[stage]]
kind = "pause"
seconds = 5
[[stage]]
kind = "step"
seconds = 10
rate = 30
"""


def plan(folder: Path, text: str) -> StagePlan:
    (folder / "stages.toml").write_text(text, encoding="utf-8")
    return read_plan(folder / "stages.toml")


def test_each_kind_of_stage_has_its_levels(tmp_path: Path) -> None:
    made = plan(tmp_path, PLAN)
    assert [(one.name, one.begin, one.end, one.users, one.rate) for one in made.stages] == [
        ("ramp 1", 0, 10, (0, 20), (0, 100)),
        ("plateau", 10, 70, (20, 20), (100, 100)),
        ("spike 3", 70, 75, (50, 50), (400, 400)),
        ("pause 4", 75, 80, (20, 20), (0, 0)),  # what a spike changes ends with it
        ("step 5", 80, 90, (20, 20), (30, 30)),
    ]
    assert (made.seconds, made.most_users, made.has_rates) == (90, 50, True)
    assert [made.users_at(time) for time in (-1, 0, 5, 9.99, 10, 72, 76, 89, 90)] == [
        0,
        0,
        10,
        20,
        20,
        50,
        20,
        20,
        None,
    ]
    assert made.stages[1].limits[0].bound == 0.05
    assert made.stages[1].drifts[0].bound == pytest.approx(1e6 / 3600)


def test_a_pause_without_rates_is_without_users(tmp_path: Path) -> None:
    text = '[[stage]]\nkind = "step"\nseconds = 5\nusers = 3\n[[stage]]\nkind = "pause"\nseconds = 5\n'
    made = plan(tmp_path, text + '[[stage]]\nkind = "step"\nseconds = 5\n')
    assert [one.users for one in made.stages] == [(3, 3), (0, 0), (3, 3)]
    assert made.rate_curve(None, 1) is None


def test_the_rate_of_a_run_follows_its_plan(tmp_path: Path) -> None:
    curve = plan(tmp_path, PLAN).rate_curve(None, 1)
    assert curve is not None
    assert curve.count(0, 10) == pytest.approx(500)
    assert curve.count(10, 70) == pytest.approx(6000)
    assert curve.count(70, 75) == pytest.approx(2000)
    assert curve.count(75, 80) == 0
    assert curve.count(80, 1000) == pytest.approx(300)
    files = plan(tmp_path, PLAN).rate_curve(None, 60)
    assert files is not None
    assert files.count(10, 70) == pytest.approx(100)


def test_a_rate_of_the_command_line_is_interrupted_by_pauses(tmp_path: Path) -> None:
    text = '[[stage]]\nkind = "step"\nseconds = 5\nusers = 3\n[[stage]]\nkind = "pause"\nseconds = 5\n'
    curve = plan(tmp_path, text).rate_curve(10, 1)
    assert curve is not None
    assert (curve.count(0, 5), curve.count(5, math.inf)) == (50, 0)


STEP = "[[stage]]\nkind = 'step'\nseconds = 5\nusers = 1\n"
DRIFT = f"{STEP}[[stage.drift]]\nmetric = "
MISTAKES = {
    "": r"write \[\[stage\]\] with two brackets",
    "stage = 3": r"write \[\[stage\]\] with two brackets",
    "[limits]": "unknown key limits; there are",
    "[[stage]]\nkind =": "not TOML",
    "[[stage]]\nkind = 'wave'": "stage 1: kind 'wave': choose one of ramp, step, spike, soak, pause",
    "[[stage]]\nkind = 'step'": "stage 1: seconds None: give a number from 1",
    "[[stage]]\nkind = 'step'\nseconds = 0": "stage 1: seconds 0: give a number from 1",
    "[[stage]]\nkind = 'step'\nseconds = true": "stage 1: seconds True: give a number from 1",
    "[[stage]]\nkind = 'step'\nseconds = 5": "stage 1: users is missing: the first stage must give it",
    "[[stage]]\nkind = 'step'\nseconds = 5\nusers = 1.5": "users 1.5: give a whole number from 0 to 100000",
    "[[stage]]\nkind = 'step'\nseconds = 5\nusers = -1": "users -1: give a whole number from 0",
    "[[stage]]\nkind = 'step'\nseconds = 5\nusers = 0": "users = 0: nobody sends anything",
    f"{STEP}rate = 'fast'": "rate 'fast': give a number from 0",
    "[[stage]]\nkind = 'pause'\nseconds = 5": "a run cannot begin with a pause",
    f"{STEP}[[stage]]\nkind = 'step'\nseconds = 5\nrate = 5": "stage 1: rate is",
    f"{STEP}[[stage]]\nkind = 'pause'\nseconds = 5\nusers = 2": "a pause has no",
    f"{STEP}who = 2": "stage 1: unknown key who; there are drift, kind",
    f"{STEP}name = ''": "name '': give a text",
    f"{STEP}name = 'generator 1'": "limits of the generator have this name",
    f"{STEP}[[stage.limit]]\nmetric = 'speed'": "limit 1: metric 'speed'",
    f"{STEP}limit = 3": r"write \[\[stage.limit\]\]",
    f"{STEP}drift = 3": r"write \[\[stage.drift\]\]",
    f"{DRIFT}'cpu'": "drift 1: metric 'cpu': choose",
    f"{DRIFT}'response'": "of must be a type of message",
    f"{DRIFT}'response'\nof='a'\nstatistic='max'": "give p50",
    f"{DRIFT}'server.memory'\nat_most='1 MB'": "slope with its",
    f"{DRIFT}'server.memory'\nat_most='1 TB per hour'": "slope",
    f"{STEP}name='a'\n{STEP}name = 'a'": "is a stage 'a' already",
    "[[stage]]\nkind='step'\nseconds=600000\nusers=1\n[[stage]]\nkind='step'\nseconds=600000": "the stages take 1.2e",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=MISTAKES[text]) as raised:
        plan(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read the stages"):
        read_plan(tmp_path / "none.toml")


def given(folder: Path, **more: str) -> dict[str, str]:
    (folder / "stages.toml").write_text(PLAN, encoding="utf-8")
    return {"user": "alice", "password": "secret", "stages": str(folder / "stages.toml"), **more}


def test_a_plan_must_fit_the_other_options(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1"
    with pytest.raises(ValueError, match="has rates, which the closed model ignores; add --model open"):
        plan_for(settings_from(given(tmp_path), url))
    with pytest.raises(ValueError, match="--rate 7: the stages have rates of their own"):
        plan_for(settings_from(given(tmp_path, model="open", rate="7"), url))
    with pytest.raises(ValueError, match="the warm-up alone takes 100 s"):
        plan_for(settings_from(given(tmp_path, model="open", warm_up="100"), url))
    assert plan_for(settings_from(given(tmp_path, model="open"), url)) == read_plan(tmp_path / "stages.toml")
    assert plan_for(settings_from({**given(tmp_path), "stages": ""}, url)) is None


def test_a_rate_of_the_run_is_for_messages_and_files() -> None:
    url, constant = "http://127.0.0.1:1", {"user": "alice", "password": "secret", "model": "open"}
    curves = rate_curves(settings_from({**constant, "rate": "120"}, url), None)
    assert {unit: curve.count(0, 10) for unit, curve in curves.items()} == {"message": 1200, "file": 20}
    assert rate_curves(settings_from({**constant, "rate_per_user": "120"}, url), None) == {}
    assert rate_curves(settings_from({**constant, "model": "closed"}, url), None) == {}
    with pytest.raises(ValueError, match="--rate and --rate-per-user exclude each other"):
        settings_from({**constant, "rate": "1", "rate_per_user": "1"}, url)
