"""Faults as data: what a file may say, and the line that names what is wrong in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_loadtests.faults.fault import Fault, check_times, needs_process, needs_proxy, read_faults
from hanami_loadtests.faults.tcp_proxy import NetworkConditions
from hanami_loadtests.stages.plan import read_plan

PLAN = """
[[fault]]
kind = "kill"
at = 30
seconds = 3
recovery = "5 s"

[[fault]]
name = "far away"
kind = "latency"
at = "10 s"
seconds = "500 ms"
delay = "200 ms"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_faults_are_read_in_the_order_of_their_begin(tmp_path: Path) -> None:
    far, kill = read_faults(written(tmp_path, PLAN))
    assert far == Fault("far away", "latency", 10.0, 0.5, None, NetworkConditions(latency=0.2))
    assert kill == Fault("kill 1", "kill", 30.0, 3.0, 5.0)
    assert (kill.end, kill.restarts, far.restarts) == (33.0, True, False)
    assert (needs_process([far]), needs_proxy([far]), needs_process([kill]), needs_proxy([kill])) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    ("keys", "conditions"),
    [
        ('kind = "bandwidth"\nseconds = 1\nper_second = "1 MB"', NetworkConditions(bandwidth=1_000_000)),
        ('kind = "loss"\nseconds = 1\nshare = 0.05', NetworkConditions(loss=0.05)),
        ('kind = "partition"\nseconds = 1', NetworkConditions(is_partitioned=True)),
        ('kind = "reset"', NetworkConditions(resets=True)),
    ],
)
def test_each_kind_has_its_conditions(tmp_path: Path, keys: str, conditions: NetworkConditions) -> None:
    (fault,) = read_faults(written(tmp_path, f"[[fault]]\nat = 9\n{keys}\n"))
    assert fault.conditions == conditions


def test_a_file_of_stages_may_have_faults(tmp_path: Path) -> None:
    stage = '[[stage]]\nkind = "step"\nseconds = 60\nusers = 2\n'
    assert [one.name for one in read_plan(written(tmp_path, stage + PLAN)).faults] == ["far away", "kill 1"]
    assert read_plan(written(tmp_path, stage)).faults == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write [[fault]] with two brackets, once for each fault"),
        ("[fault]", "write [[fault]] with two brackets"),
        (
            '[[stage]]\nkind = "step"',
            "there is [[fault]]; stages and faults together are for --stages",
        ),
        ('[[fault]]\nkind = "flood"\nat = 9', "fault 1: kind 'flood': choose one of reset, latency, bandwidth, loss"),
        ('[[fault]]\nkind = "kill"\nseconds = 1', "fault 1: at is missing: give the time since the begin of the run"),
        ('[[fault]]\nkind = "kill"\nat = 9', "fault 1: seconds is missing: how long the kill lasts"),
        (
            '[[fault]]\nkind = "kill"\nat = "soon"\nseconds = 1',
            "fault 1: at 'soon': give a time up to 86400 s",
        ),
        ('[[fault]]\nkind = "kill"\nat = 9\nseconds = true', "fault 1: seconds True: give a time up to"),
        ('[[fault]]\nkind = "kill"\nat = 9\nlength = 1', "fault 1: unknown key length; there are kind, at, seconds"),
        ('[[fault]]\nkind = "kill"\nat = 9\nseconds = 1\nrecovery = "-1 s"', "fault 1: recovery '-1 s': give a time"),
        ('[[fault]]\nkind = "latency"\nat = 9\nseconds = 1', "fault 1: delay None: give a time up to 60 s"),
        ('[[fault]]\nkind = "loss"\nat = 9\nseconds = 1\nshare = 2', "fault 1: share 2: give the share of lost"),
        ('[[fault]]\nkind = "bandwidth"\nat = 9\nseconds = 1\nper_second = "fast"', "fault 1: per_second 'fast': give"),
        ('[[fault]]\nkind = "kill"\nat = 9\nseconds = 1\nshare = 0.1', "fault 1: share: is for kind = 'loss' alone"),
        ('[[fault]]\nkind = "kill"\nat = 9\nseconds = 1\nname = ""', "fault 1: name '': give a text"),
        (
            PLAN + '[[fault]]\nkind = "reset"\nat = 32',
            "'reset 3' begins less than 5 s after the end of 'kill 1'",
        ),
        (PLAN + '[[fault]]\nkind = "reset"\nname = "kill 1"\nat = 50', "there are two faults 'kill 1'"),
        ("[[fault", "not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"faults\.toml") as raised:
        read_faults(written(tmp_path, text))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_run_leaves_time_before_and_after_its_faults() -> None:
    fault = Fault("kill 1", "kill", 10.0, 2.0)
    check_times([fault], warm_up=7.0, seconds=17.0)
    with pytest.raises(ValueError, match=r"fault 'kill 1': at 10 s: give at least 10\.5 s"):
        check_times([fault], warm_up=7.5, seconds=17.0)
    with pytest.raises(ValueError, match=r"fault 'kill 1': ends after 12 s, and the run after 16 s"):
        check_times([fault], warm_up=1.0, seconds=16.0)
