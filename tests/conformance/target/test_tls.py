"""TLS and base paths: everything that a run opens goes through a proxy in front of the server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from support.suite_runs import result_of
from support.targets import backend, hanami
from tools.tcp_proxy import proxy

QUICK = ("--profile", "smoke", "-k", "not sequences")
ALICE = ("--user", "alice", "--password", "very-secret-1")
# REST, websockets that are closed, dropped and half-closed, and bare connections.
REQUIREMENTS = [word for name in ("ATT-1", "PROG-2", "DIO-9", "GEN-4") for word in ("--requirement", name)]


@pytest.fixture(scope="module", name="url")
def server() -> Iterator[str]:
    with backend() as url:
        yield url


@pytest.fixture(scope="module", name="authority")
def made_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(name="secure")
def secured(url: str, authority: trustme.CA) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with proxy(url, tls=context) as address:
        yield address


def test_a_run_over_tls(tmp_path: Path, secure: str, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = ("--target", secure, *ALICE, "--ca-file", "ca.pem")
    run = hanami("run", *options, *QUICK, *REQUIREMENTS, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert result_of(tmp_path)["manifest"]["target"]["certificate_checked"] is True
    checked = hanami("check-target", *options, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "yes, certificate checked" in checked.stdout


def test_a_certificate_of_somebody_unknown(tmp_path: Path, secure: str) -> None:
    for command in ("run", "check-target"):
        run = hanami(command, "--target", secure, *ALICE, cwd=tmp_path)
        assert run.returncode == 6, run.stdout + run.stderr
        assert "certificate rejected: " in run.stdout
        hint = "give --ca-file FILE with the authority that signed it, or --insecure"
        assert hint in " ".join(run.stdout.split())
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    run = hanami("check-target", "--target", secure, *ALICE, "--ca-file", "other.pem", cwd=tmp_path)
    assert run.returncode == 6


def test_insecure_takes_any_certificate_and_says_so(tmp_path: Path, secure: str) -> None:
    options = ("--target", secure, *ALICE, "--insecure")
    run = hanami("run", *options, *QUICK, "--requirement", "PROG-1", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    note = "certificate not checked (--insecure)"
    assert run.stdout.count(note) == 2  # in the header, and with the verdict
    reports = tmp_path / "reports" / "latest"
    assert note in (reports / "summary.md").read_text()
    assert note.capitalize() in (reports / "conformance.html").read_text()
    assert result_of(tmp_path)["manifest"]["target"]["certificate_checked"] is False
    assert "CERTIFICATE NOT CHECKED" in hanami("check-target", *options, cwd=tmp_path).stdout


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_a_base_path_holds_for_rest_and_websockets(
    tmp_path: Path, url: str, authority: trustme.CA, secured: bool
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if secured else None
    more: tuple[str, ...] = ()
    if context is not None:
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        more = ("--ca-file", "ca.pem")
    with proxy(url, tls=context, prefix="/some/base") as address:
        to = ("--target", f"{address}/", *ALICE, *more, "--dialect", "auto")
        only = ("--requirement", "ATT-2", "--requirement", "PROG-1")
        run = hanami("run", *to, *QUICK, *only, cwd=tmp_path)
        outside = hanami("check-target", *("--target", address.removesuffix("/base")), *to[2:], cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{address} ·" in run.stdout
    assert outside.returncode == 4, outside.stdout
