from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hanami_reference_backend import auth
from hanami_reference_backend.auth import ATTEMPTS_PER_SECOND, FREE_ATTEMPTS, MOST_WAITING, LoginThrottle
from support.backend_peer import DEADLINE, running

HOME = "127.0.0.1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="throttle")
def _throttle(clock: Clock) -> LoginThrottle:
    return LoginThrottle(clock)


def waits(throttle: LoginThrottle, user: str = "alice") -> Iterator[float | None]:
    return (throttle.begin(HOME, user) for _ in itertools.count())


def test_wrong_logins_wait_longer_and_longer_and_are_rejected_in_the_end(throttle: LoginThrottle) -> None:
    attempts = waits(throttle)
    assert [next(attempts) for _ in range(FREE_ATTEMPTS)] == [0.0] * FREE_ATTEMPTS
    delayed = list(itertools.takewhile(lambda wait: wait is not None, attempts))
    assert delayed == [number / ATTEMPTS_PER_SECOND for number in range(1 + int(MOST_WAITING * ATTEMPTS_PER_SECOND))]
    assert [next(attempts) for _ in range(3)] == [None] * 3  # these do not lengthen the wait


def test_as_many_wrong_logins_as_the_suite_sends_are_not_delayed(throttle: LoginThrottle, clock: Clock) -> None:
    attempts = waits(throttle, "nobody")
    for _ in range(100):  # ten a second for as long as you like
        assert [next(attempts) for _ in range(10)] == [0.0] * 10
        clock.now += 1.0


def test_time_forgives(throttle: LoginThrottle, clock: Clock) -> None:
    attempts = waits(throttle)
    assert [next(attempts) for _ in range(FREE_ATTEMPTS + 20)][-1] == 1.9
    clock.now += 1.0
    assert next(attempts) == 1.0
    clock.now += 1000.0
    assert [next(attempts) for _ in range(FREE_ATTEMPTS)] == [0.0] * FREE_ATTEMPTS


def test_right_logins_do_not_count(throttle: LoginThrottle) -> None:
    for _ in range(10 * FREE_ATTEMPTS):
        assert throttle.begin(HOME, "alice") == 0.0
        throttle.forgive(HOME, "alice")


def test_other_users_and_other_clients_do_not_wait(throttle: LoginThrottle) -> None:
    while throttle.begin(HOME, "alice") is not None:
        pass
    assert throttle.begin(HOME, "bob") == 0.0
    assert throttle.begin("127.0.0.2", "alice") == 0.0


def test_a_limited_number_of_clients_is_remembered(
    throttle: LoginThrottle, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MOST_REMEMBERED", 10)
    for number in range(100):
        throttle.begin(HOME, f"user {number}")
        throttle.begin(HOME, "alice")
    assert len(throttle._attempts) <= 10
    clock.now += 1000.0
    throttle.begin(HOME, "bob")
    assert len(throttle._attempts) <= 2


def test_a_flood_of_wrong_logins_is_slowed_down_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANAMI_REFERENCE_USERS", "alice:right:alpha bob:right:beta")
    with running(tmp_path) as server, httpx.Client(base_url=server.url, trust_env=False, timeout=DEADLINE) as client:
        path = server.dialect.route("token.create").path

        def log_in(user: str, password: str) -> int:
            return client.post(path, json=server.dialect.login(user, password)).status_code

        assert {log_in("alice", "wrong") for _ in range(FREE_ATTEMPTS + 5)} == {401}
        assert log_in("bob", "right") == 200
        assert log_in("alice", "right") == 200
