"""Load runs over TLS: certificates are checked unless an option clearly says otherwise, which is never hidden."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from support.load_runs import LOGIN, load_result_of, run_load
from tools.reference import USERS, backend
from tools.tcp_proxy import proxy

QUICK = ("--seconds", "1.5", "--users", "1", "--warm-up", "0", "--scenario", "rest", "--dialect", "documented")
NOTE = "certificate not checked (--insecure)"


@pytest.fixture(scope="module", name="authority")
def made_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module", name="secure")
def secured(authority: trustme.CA) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with backend(*USERS) as url, proxy(url, tls=context) as address:
        yield address


@pytest.mark.parametrize("word", ["0", "No"])
def test_a_word_for_no_leaves_the_check_on(tmp_path: Path, secure: str, word: str) -> None:
    run = run_load("--target", secure, *QUICK, cwd=tmp_path, login=LOGIN | {"HANAMI_INSECURE": word})
    assert run.returncode == 6, run.stdout + run.stderr
    assert "certificate rejected" in run.stderr
    assert NOTE not in run.stdout


@pytest.mark.parametrize(("options", "word"), [(("--insecure",), "0"), ((), "yes")])
def test_a_certificate_that_is_not_checked_is_in_the_header_and_every_report(
    tmp_path: Path, secure: str, options: tuple[str, ...], word: str
) -> None:
    run = run_load("--target", secure, *QUICK, *options, cwd=tmp_path, login=LOGIN | {"HANAMI_INSECURE": word})
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[0] == NOTE
    assert run.stdout.count(NOTE) == 2  # also with the result
    reports = tmp_path / "reports" / "latest-load"
    assert json.loads((reports / "load.json").read_text())["manifest"]["certificate_checked"] is False
    assert NOTE in (reports / "summary.md").read_text()
    assert NOTE in (reports / "junit.xml").read_text()
    assert NOTE.capitalize() in (reports / "load.html").read_text()


def test_a_certificate_that_is_checked_needs_no_words(tmp_path: Path, secure: str, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    run = run_load("--target", secure, *QUICK, "--ca-file", "ca.pem", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "certificate" not in run.stdout
    assert load_result_of(tmp_path).manifest["certificate_checked"] is True
    for report in ("summary.md", "junit.xml"):
        assert "certificate" not in (tmp_path / "reports" / "latest-load" / report).read_text()


def test_settings_for_certificates_are_for_servers_of_others(tmp_path: Path) -> None:
    run = run_load("--target", "reference", *QUICK, cwd=tmp_path, login={"HANAMI_INSECURE": "1"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "certificate" not in run.stdout
    assert "certificate_checked" not in load_result_of(tmp_path).manifest
