from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from hanami_loadtests.engine.health import Health
from hanami_loadtests.limits.file import BUILT_IN, Limits, read_limits
from hanami_loadtests.limits.limit import Limit, seconds_of
from hanami_loadtests.limits.verdict import check_limits, run_verdict
from hanami_reports.common.format import format_time
from hanami_reports.model.load import ErrorClass, Generator, RunState
from hanami_reports.model.sample_size import samples_for
from hanami_reports.model.series import Series


def series(*milliseconds: float, bad: str = "", count: int = 0) -> Series:
    made = Series(sent=len(milliseconds) + count, succeeded=len(milliseconds), bytes_up=1_000_000 * len(milliseconds))
    for one in milliseconds:
        made.response.record(int(one * 1000))
    if bad:
        setattr(made, bad, count)
    return made


def generator(
    cpu: float = 0.5,
    delay: float = 0.0,
    *,
    complete: bool = True,
    cpu_wait: float = 0.0,
    quota: bool = False,
    loop_delay: float = 0.0,
) -> Generator:
    health = Health()
    health.record_generator_delay(delay)
    health.event_loop_delay.record(int(loop_delay * 1e6))
    times = (health.event_loop_delay, health.generator_delay)
    return Generator("local", cpu, cpu, *times, 0, 0.0, 0, complete, cpu_wait, quota)


def state_of(found: dict[str, Series], limits: Limits | None = None, *generators: Generator) -> RunState:
    makers = generators or (generator(),)
    return run_verdict(check_limits(limits or Limits(), found, makers, 10.0), found, makers)[0]


def test_a_run_in_which_everything_was_verified_passes() -> None:
    assert state_of({"a": series(1, 2, 3)}) is RunState.PASS


@pytest.mark.parametrize("bad", ["incorrect", "failed", "unanswered"])
def test_one_bad_message_fails_without_any_file_of_limits(bad: str) -> None:
    assert state_of({"a": series(*[1] * 1000, bad=bad, count=1)}) is RunState.FAIL


def test_unsent_messages_fail_above_one_in_a_hundred() -> None:
    late = series(*[1] * 1000)
    late.unsent = 5
    assert state_of({"a": late}) is RunState.PASS
    late.unsent = 50
    assert state_of({"a": late}) is RunState.FAIL


@pytest.mark.parametrize("found", [{}, {"a": Series()}, {"a": Series(sent=5, cancelled=5)}])
def test_a_run_that_verified_nothing_is_invalid(found: dict[str, Series]) -> None:
    assert state_of(found) is RunState.INVALID


def test_a_scenario_that_never_achieved_its_purpose_makes_a_run_invalid() -> None:
    found, makers = {"attach file": series(1), "upload file": Series(sent=3, cancelled=3)}, (generator(),)
    wanted = {"csv-upload": "upload file", "connection-churn": "attach file"}
    state, reasons = run_verdict(check_limits(Limits(), found, makers, 10.0), found, makers, wanted)
    assert state is RunState.INVALID
    (reason,) = reasons
    assert reason.startswith("csv-upload: no upload file was verified; increase --seconds or --sockets")


def test_a_generator_that_was_the_bottleneck_says_nothing_good_of_a_target() -> None:
    assert state_of({"a": series(1)}, None, generator(cpu=0.99)) is RunState.INVALID
    assert state_of({"a": series(1)}, None, generator(delay=0.5)) is RunState.INVALID
    assert state_of({"a": series(1)}, None, generator(), generator(complete=False)) is RunState.INVALID


@pytest.mark.parametrize("maker", [generator(cpu_wait=0.6), generator(loop_delay=3.0)])
def test_answers_that_a_generator_may_have_missed_are_no_failures_of_a_target(maker: Generator) -> None:
    for bad in ("failed", "unanswered"):
        assert state_of({"a": series(1, bad=bad, count=1)}, None, maker) is RunState.INVALID
    assert state_of({"a": series(1, bad="incorrect", count=1)}, None, maker) is RunState.FAIL
    assert state_of({"a": series(1)}, None, maker) is RunState.INVALID


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("no answer", RunState.INVALID),
        ("lost connection", RunState.INVALID),
        ("no connection", RunState.INVALID),
        ("rejected", RunState.FAIL),
        ("server error", RunState.FAIL),
    ],
)
def test_an_answer_that_did_arrive_counts_however_long_a_generator_waited(kind: str, state: RunState) -> None:
    found, makers = {"a": series(1, bad="failed", count=1)}, (generator(cpu_wait=0.6),)
    errors = [ErrorClass("a", kind, "what happened", 1, 0.0)]
    assert run_verdict(check_limits(Limits(), found, makers, 10.0), found, makers, errors=errors)[0] is state


@pytest.mark.parametrize(("bad", "state"), [("failed", RunState.INVALID), ("incorrect", RunState.FAIL)])
def test_what_this_machine_lacked_excuses_all_but_wrong_answers(bad: str, state: RunState) -> None:
    found, makers = {"a": series(1, bad=bad, count=1)}, (generator(),)
    errors = [ErrorClass("a", "server error" if bad == "failed" else "incorrect answer", "what happened", 1, 0.0)]
    failures = [(RunState.INVALID, "no local port is left")]
    results = check_limits(Limits(), found, makers, 10.0)
    verdict, reasons = run_verdict(results, found, makers, errors=errors, failures=failures)
    assert (verdict, reasons[0]) == (state, "no local port is left")


def test_a_wait_for_a_cpu_names_a_quota() -> None:
    makers = (generator(cpu_wait=0.77, quota=True),)
    (waited,) = [one for one in check_limits(Limits(), {}, makers, 10.0) if one.metric == "CPU wait"]
    assert (waited.state, waited.bound, waited.value_text) == (RunState.INVALID, "<= 25%", "77%")
    assert waited.explanation.endswith("CPU wait 77%, since the quota of its control group was used up")


def test_a_limit_that_ended_a_run_is_not_believed_where_the_generator_was_the_bottleneck() -> None:
    found, failures = {"a": series(1)}, [(RunState.FAIL, "ended by its limit")]
    for maker, state in ((generator(), RunState.FAIL), (generator(cpu_wait=0.6), RunState.INVALID)):
        results = check_limits(Limits(), found, (maker,), 10.0)
        verdict, reasons = run_verdict(results, found, (maker,), failures=failures)
        assert (verdict, reasons[0]) == (state, "ended by its limit")


@pytest.mark.parametrize("state", [RunState.INTERNAL_ERROR, RunState.LOST, RunState.INTERRUPTED])
def test_what_ended_a_run_precedes_its_limits(state: RunState) -> None:
    found, makers = {"a": series(1, bad="incorrect", count=1)}, (generator(cpu_wait=0.6),)
    results = check_limits(Limits(), found, makers, 10.0)
    verdict, reasons = run_verdict(results, found, makers, failures=[(RunState.INVALID, "b"), (state, "a")])
    assert verdict is state
    assert reasons[:2] == ("a", "b")


def test_a_wrong_answer_is_wrong_whatever_the_generator_did() -> None:
    assert state_of({"a": series(1, bad="incorrect", count=1)}, None, generator(cpu=0.99)) is RunState.FAIL


def test_a_broken_limit_of_time_is_not_believed_where_the_generator_was_the_bottleneck() -> None:
    limits = Limits((Limit("response", "a", "max", 0.001),))
    assert state_of({"a": series(5)}, limits) is RunState.FAIL
    assert state_of({"a": series(5)}, limits, generator(cpu=0.99)) is RunState.INVALID


def test_too_few_samples_are_invalid_and_not_passed() -> None:
    limits = Limits((Limit("response", "a", "p99", 1.0, least_samples=1000),))
    assert state_of({"a": series(*[1] * 999)}, limits) is RunState.INVALID
    assert state_of({"a": series(*[1] * 1000)}, limits) is RunState.PASS


def test_a_limit_of_a_message_that_was_never_sent_is_invalid() -> None:
    assert state_of({"a": series(1)}, Limits((Limit("rate", "b", "mean", 1.0, at_least=True),))) is RunState.INVALID


@pytest.mark.parametrize(
    ("of", "hint"), [("direct requests", ": did you mean 'direct request'?"), ("nothing like it", "")]
)
def test_a_mistyped_message_type_is_reported(of: str, hint: str) -> None:
    (result,) = Limit("rate", of, "mean", 1.0, at_least=True).check({"direct request": series(1)}, 1.0)
    assert result.explanation == f"no such message was sent{hint}"


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        (Limit("response", "a*", "p50", 1.0), 0.002),
        (Limit("response", "a", "mean", 1.0), 0.002),
        (Limit("response", "a", "max", 1.0), 0.003),
        (Limit("throughput", "a", "mean", 0.1, at_least=True), 0.3),
        (Limit("rate", "a", "mean", 0.1, at_least=True), 0.3),
    ],
)
def test_statistics_agree_with_their_names(limit: Limit, value: float) -> None:
    (result,) = limit.check({"a": series(1, 2, 3)}, 10.0)
    assert result.value == pytest.approx(value, rel=0.001)
    assert result.state is RunState.PASS


def test_the_file_that_is_shipped_is_right() -> None:
    limits = read_limits(Path(str(resources.files("hanami_loadtests") / "limits.toml")))
    assert {limit.metric for limit in limits.limits} >= {"response", "throughput", "incorrect", "unsent"}


def test_limits_that_a_file_does_not_mention_stay(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text('[[limit]]\nmetric = "incorrect"\nat_most = 3\n')
    limits = read_limits(path).limits
    assert limits[0] == Limit("incorrect", "*", "count", 3.0)
    assert set(BUILT_IN) - set(limits) == {BUILT_IN[0]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit = 3", "two brackets"),
        ("[other]", "unknown table other"),
        ("[[limit]]\nmetric = 'speed'", "limit 1: metric 'speed': choose one of response"),
        ("[[limit]]\nmetric = 'incorrect'\nat_most = 0\nfoo = 1", "unknown key foo"),
        ("[[limit]]\nmetric = 'response'\nstatistic = 'p99'\nat_most = 50", "write it with its unit"),
        ("[[limit]]\nmetric = 'response'\nstatistic = 'p99'\nat_most = '50 min'", "no time"),
        ("[[limit]]\nmetric = 'response'\nstatistic = 'p100'\nat_most = '5 ms'", "give p50, p99"),
        ("[[limit]]\nmetric = 'response'\nstatistic = 'p0'\nat_most = '5 ms'", "give p50, p99"),
        ("[[limit]]\nmetric = 'response'\nat_most = '5 ms'", "statistic None"),
        ("[[limit]]\nmetric = 'rate'\nat_most = 5", "rate takes at_least"),
        ("[[limit]]\nmetric = 'incorrect'\nat_least = 5", "incorrect takes at_most"),
        ("[[limit]]\nmetric = 'incorrect'", "either at_most or at_least"),
        ("[[limit]]\nmetric = 'incorrect'\nat_most = -1", "no bound of incorrect"),
        ("[[limit]]\nmetric = 'incorrect'\nstatistic = 'share'\nat_most = 1.5", "1.5 is no share"),
        ("[[limit]]\nmetric = 'incorrect'\nat_most = true", "no bound of incorrect"),
        ("[[limit]]\nmetric = 'incorrect'\nat_most = 0\nabort = 'yes'", "abort must be true or false"),
        ("[[limit]]\nmetric = 'incorrect'\nat_most = 0\nleast_samples = -1", "least_samples -1"),
        ("[[limit]]\nmetric = 'incorrect'\nat_most = 0\nof = 3", "of must be a type of message"),
        ("[[drift]]\nmetric = 'rate'", "drift 1: metric 'rate': choose one of response, server.memory"),
        ("drift = 3", "write [[drift]] with two brackets"),
        ("[generator]\ncpu = 2", "cpu 2: give a share"),
        ("[generator]\ngenerator_delay_p99 = 3", "generator_delay_p99: '3' is no time"),
        ("[generator]\nspeed = 3", "unknown key speed"),
        ("[[limit]", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"limits\.toml") as raised:
        read_limits(path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read the limits"):
        read_limits(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (64e-6, "64 µs"),
        (999.4e-6, "999 µs"),
        (999.9e-6, "1 ms"),
        (0.0123, "12.3 ms"),
        (2.0, "2 s"),
        (75.0, "75 s"),
    ],
)
def test_times_are_shown_with_three_digits(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


def test_times_are_read_with_their_unit() -> None:
    assert [seconds_of(text) for text in ("250 us", "50ms", "2 s")] == pytest.approx([250e-6, 0.05, 2.0])


def test_a_percentile_needs_ten_samples_beyond_it() -> None:
    assert [samples_for(name) for name in ("p50", "p99", "p99.9", "max")] == [20, 1000, 10_000, 1]


@pytest.mark.parametrize(("longest", "state"), [(104, RunState.PASS), (106, RunState.INVALID)])
def test_times_that_delays_of_the_generator_make_uncertain_are_not_conclusive(longest: int, state: RunState) -> None:
    found = series(*[100] * 200)
    for time in [100] * 199 + [longest]:
        found.longest_response.record(time * 1000)
    assert state_of({"a": found}) is state
    result = check_limits(Limits(), {"a": found}, (generator(),), 10.0)[len(BUILT_IN)]
    assert (result.selector, result.metric, result.statistic) == ("generator: a", "uncertainty of response", "max")
    assert ("between 100 ms and 106 ms" in result.explanation) is (state is RunState.INVALID)


def test_the_bound_of_the_uncertainty_is_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("[generator]\nuncertainty = 0.5\n", encoding="utf-8")
    assert read_limits(path).generator.uncertainty == 0.5
    path.write_text("[generator]\nuncertainty = 5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="uncertainty 5: give a share of a time, above 0 and at most 1"):
        read_limits(path)


@pytest.mark.parametrize(("statistic", "state"), [("max", RunState.INVALID), ("p50", RunState.FAIL)])
def test_a_maximum_fails_no_run_whose_generator_waited_for_a_cpu(statistic: str, state: RunState) -> None:
    limits = Limits((Limit("response", "*", statistic, 0.001),))
    found = {"a": series(*[100] * 100)}
    assert state_of(found, limits, generator(cpu_wait=0.05)) is RunState.FAIL
    assert state_of(found, limits, generator(cpu_wait=0.15)) is state
