"""Passwords and tokens reach the target alone, and no output of a load run."""

from __future__ import annotations

from pathlib import Path

from support.load_runs import run_load
from support.suite_runs import double
from support.traps import Echo, everything_below, redirect, spellings_of, trap
from tools.reference import backend

PASSWORD = 'p&ss/w<o>rd+1 "x"'
LOGIN = {"HANAMI_USER": "alice", "HANAMI_PASSWORD": PASSWORD}
SHORT = ("--users", "2", "--seconds", "2", "--warm-up", "0", "--sockets", "2", "--dialect", "documented")


def test_a_target_that_quotes_the_credentials_puts_them_nowhere(tmp_path: Path) -> None:
    with backend("--user", f"alice:{PASSWORD}:alpha") as url:
        echo = Echo(int(url.rpartition(":")[2]), password=PASSWORD)
        with double(echo) as address:
            run = run_load("--target", address, *SHORT, "--deadline", "2", cwd=tmp_path, login=LOGIN)
    assert run.returncode in (1, 6), run.stdout + run.stderr
    text = run.stdout + run.stderr + everything_below(tmp_path)
    assert "[password of the user]" in text
    assert echo.tokens
    for secret in (PASSWORD, *echo.tokens):
        assert spellings_of(secret, text) == set()


def test_no_redirect_is_followed_and_no_proxy_is_used(tmp_path: Path) -> None:
    with trap() as elsewhere, backend("--user", f"alice:{PASSWORD}:alpha") as url:
        run = run_load("--target", url, *SHORT, "--scenario", "rest", cwd=tmp_path, login=LOGIN | elsewhere.environment)
        assert run.returncode in (0, 1, 5), run.stdout + run.stderr
        with double(lambda connection, _: connection.sendall(redirect(307, elsewhere.url))) as address:
            run = run_load("--target", address, *SHORT, cwd=tmp_path, login=LOGIN | elsewhere.environment)
        assert elsewhere.received == []
    assert run.returncode == 4, run.stdout + run.stderr
    assert f"redirects POST /v1/token to {elsewhere.url}: if that is the server, give --target" in run.stderr
