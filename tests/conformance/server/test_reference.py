"""The reference backend that the suite starts does not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.server.reference import ReferenceBackend
from support.suite_runs import COMMAND, result_of
from tools.reference import TIMEOUT, clean_environment


def wait_gone(url: str) -> None:
    """Wait until nobody answers at an address any more."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.05)
    pytest.fail(f"{url} still answers")


def test_it_starts_with_its_own_users_and_stops() -> None:
    with ReferenceBackend(TargetOptions(url="", account=Credentials())) as backend:
        options = backend.options
        body = {"id": options.account.user, "password": options.account.password}
        answer = httpx.post(f"{options.url}/v1/token", json=body, trust_env=False)
        assert answer.status_code == 200
        assert options.other_account is not None
        assert options.expired_token
        headers = {"X-Auth-Token": options.expired_token}
        assert httpx.get(f"{options.url}/v1/dataset/all", headers=headers, trust_env=False).status_code == 401
    wait_gone(options.url)


def test_it_restarts_at_its_address_with_its_users_and_nothing_else() -> None:
    with ReferenceBackend(TargetOptions(url="", account=Credentials())) as backend:
        before = backend.options
        body = {"id": before.account.user, "password": before.account.password}

        def headers() -> dict[str, str]:
            answer = httpx.post(f"{before.url}/v1/token", json=body, trust_env=False)
            return {"X-Auth-Token": answer.json()["token"]}

        upload = {"name": "table", "input_data_size": 10}
        begun = httpx.post(f"{before.url}/v1/csv/dataset", json=upload, headers=headers(), trust_env=False).json()
        progress = f"{before.url}/v1/dataset/progress?uuid={begun['uuid']}"
        assert httpx.get(progress, headers=headers(), trust_env=False).status_code == 200
        backend.restart()
        after = backend.options
        assert (after.url, after.account, after.other_account) == (before.url, before.account, before.other_account)
        assert after.expired_token not in ("", before.expired_token)
        assert httpx.get(progress, headers=headers(), trust_env=False).status_code == 404
    wait_gone(before.url)


def test_a_backend_that_does_not_start_says_why() -> None:
    options = TargetOptions(url="", account=Credentials(), dialect="no-such-dialect")
    with pytest.raises(TargetDown, match="did not start"), ReferenceBackend(options):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_goes_with_the_suite(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--target", "reference"],
        cwd=tmp_path,
        env=clean_environment({"PYTHONUNBUFFERED": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    url = ""
    for line in process.stdout:
        if "http://" in line:
            url = next(word for word in line.split() if word.startswith("http://"))
        if "passed" in line:
            break
    os.kill(process.pid, number)
    rest = process.communicate(timeout=TIMEOUT)[0]
    wait_gone(url)
    if number != signal.SIGKILL:
        assert process.returncode == 2
        assert "INTERRUPTED" in rest
        assert result_of(tmp_path)["exit_status"] == 2


def test_the_modules_of_the_suite_never_import_the_backend() -> None:
    code = (
        "import sys, hanami_conformance.session.session\n"
        "from hanami_conformance.suite import test_general, test_workflow\n"
        "sys.exit(any(name.split('.')[0] in ('hanami_reference_backend', 'locust') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=TIMEOUT).returncode == 0
