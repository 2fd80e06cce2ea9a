"""Limits of what a server uses: read from a file, and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanami_loadtests.limits.file import read_limits
from hanami_loadtests.limits.server import ServerLimit
from hanami_reports.model.load import RunState
from hanami_reports.model.server_usage import ServerSample, ServerUsage


def sample(memory: int, cpu: float = 0.5, sockets: int | None = 3) -> ServerSample:
    return ServerSample(cpu, memory, threads=4, processes=1, descriptors=20, sockets=sockets)


USAGE = ServerUsage(
    1, "server", sample(50_000_000), sample(58_000_000), {0: sample(60_000_000), 1: sample(90_000_000, 1.5)}
)


@pytest.mark.parametrize(
    ("limit", "value", "state"),
    [
        (ServerLimit("memory", "max", 90e6), 90e6, RunState.PASS),
        (ServerLimit("memory", "max", 89e6), 90e6, RunState.FAIL),
        (ServerLimit("memory", "mean", 75e6), 75e6, RunState.PASS),
        (ServerLimit("memory", "growth", 7e6), 8e6, RunState.FAIL),
        (ServerLimit("memory", "growth per upload", 2e5), 2e5, RunState.PASS),
        (ServerLimit("memory", "growth per upload", 0), 2e5, RunState.FAIL),
        (ServerLimit("cpu", "mean", 1.0), 1.0, RunState.PASS),
        (ServerLimit("cpu", "max", 1.0), 1.5, RunState.FAIL),
        (ServerLimit("sockets", "growth", 0), 0, RunState.PASS),
    ],
)
def test_a_value_is_compared_with_its_bound(limit: ServerLimit, value: float, state: RunState) -> None:
    result = limit.check(USAGE, uploads=40)
    assert (result.value, result.state) == (value, state)
    assert bool(result.explanation) == (state is RunState.FAIL)


def test_what_was_not_seen_allows_no_conclusion() -> None:
    growth = ServerLimit("memory", "growth per upload", 0)
    unseen = growth.check(None, uploads=40)
    assert (unseen.state, unseen.explanation) == (
        RunState.INVALID,
        "the server's side was not seen: give --server-pid or --server-command",
    )
    assert growth.check(USAGE, uploads=0).explanation == "no file was uploaded"
    ended = ServerUsage(1, "server", USAGE.before, None, USAGE.samples, ended=True)
    assert growth.check(ended, uploads=40).explanation == "the process of the server had ended"
    other_user = ServerUsage(1, "server", sample(1, sockets=None), None, {0: sample(1, sockets=None)})
    hidden = ServerLimit("sockets", "max", 5).check(other_user, 1)
    assert (hidden.state, hidden.explanation) == (RunState.INVALID, "the system does not show sockets of the server")


def test_limits_of_the_server_are_read_beside_others(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    text = '[[limit]]\nmetric = "server.memory"\nstatistic = "growth per upload"\nat_most = "10 kB"\n'
    text += '[[limit]]\nmetric = "server.cpu"\nat_most = 1.5\n[[limit]]\nmetric = "failed"\nat_most = 3\n'
    file.write_text(text, encoding="utf-8")
    limits = read_limits(file)
    assert limits.server == (ServerLimit("memory", "growth per upload", 10_000), ServerLimit("cpu", "max", 1.5))
    assert [one.metric for one in limits.limits] == ["failed", "incorrect", "unanswered", "unsent"]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ('metric = "server.disk"\nat_most = 1', "metric 'server.disk': choose one of response, "),
        ('metric = "server.cpu"\nat_least = 1', "unknown key at_least; for the server there are at_most, "),
        ('metric = "server.cpu"', "give at_most"),
        ('metric = "server.cpu"\nat_most = "1 s"', "'1 s' is no bound: give a number of cores"),
        ('metric = "server.memory"\nat_most = "much"', "'much': give a size such as 128KiB"),
        ('metric = "server.memory"\nat_most = -1', "-1 is no bound: give a number of bytes, or a text with its unit"),
        ('metric = "server.cpu"\nat_most = 1\nstatistic = "p99"', "statistic 'p99': choose one of mean, max, growth, "),
    ],
)
def test_a_wrong_limit_is_one_line(tmp_path: Path, entry: str, error: str) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(f"[[limit]]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"limit 1") as raised:
        read_limits(file)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)
