"""Passwords and tokens never reach output, whatever happens."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import httpx
import pytest

from hanami_conformance.common.redact import Redactor
from support.sequences import execute, resources_at
from support.suite_runs import COMMAND, faulty_backend, run_suite
from tools.reference import clean_environment

SECRETS = ("very-secret-1", "very-secret-2")


def everything_written(folder: Path) -> str:
    """All files below a folder, and what stands in base64 in the result."""
    texts = [path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*")) if path.is_file()]
    result = json.loads((folder / "reports" / "latest" / "result.json").read_text())
    for case in result["cases"]:
        texts += [base64.b64decode(event["payload"]).decode("utf-8", "replace") for event in case["exchange"]]
    return "\n".join(texts)


@pytest.mark.slow
def test_nothing_secret_is_written_when_cases_fail(tmp_path: Path) -> None:
    with faulty_backend("complete-from-the-beginning") as url:
        token = httpx.post(f"{url}/v1/token", json={"id": "alice", "password": SECRETS[0]}).json()["token"]
        environment = {
            "HANAMI_TARGET": url,
            "HANAMI_TOKEN": token,
            "HANAMI_SECOND_USER": "bob",
            "HANAMI_SECOND_PASSWORD": SECRETS[1],
        }
        options = (
            "--requirement",
            "PROG",
            "--requirement",
            "ATT-3",
            "--requirement",
            "GEN-1",
            "--requirement",
            "DATA-8",
        )
        run = run_suite(*options, cwd=tmp_path, environment=environment)
    assert run.returncode == 1, run.stdout + run.stderr
    output = run.stdout + run.stderr + everything_written(tmp_path)
    assert "[token of the first user]" in output
    for secret in (token, token.rpartition(".")[2], SECRETS[1]):
        assert secret not in output
    assert token[:40] not in output


@pytest.mark.parametrize("secret", ["plain-secret", 'with "quotes" and \\', "mit Umlaut \u00e4\u00f6", "new\nline"])
def test_every_spelling_is_replaced(secret: str) -> None:
    redactor = Redactor()
    redactor.add(secret, "the secret")
    for text in (f"before {secret} behind", json.dumps({"x": secret}), json.dumps({"x": secret}, ensure_ascii=False)):
        assert secret not in redactor.text(text)
        assert "[the secret]" in redactor.text(text)
        assert b"[the secret]" in redactor.data(text.encode())


def test_fields_are_hidden_also_where_the_secret_is_unknown_or_short() -> None:
    redactor = Redactor()
    redactor.add("x", "too short to replace everywhere")
    text = redactor.text('{"id": "x", "password": "x", "token" : "abc\\"def"}')
    assert text == '{"id": "x", "password": "[secret]", "token" : "[secret]"}'
    assert redactor.data(b'{"password":"x"}') == b'{"password":"[secret]"}'
    assert redactor.data(b'{"passphrase":"eA=="}') == b'{"passphrase":"[secret]"}'


def test_a_first_message_that_is_cut_in_its_token_hides_it() -> None:
    with faulty_backend() as url, resources_at(url) as resources:
        token = resources.target.account.token
        case = execute(resources, "first", {"action": "truncated", "length": 12 + len(token) - 10})
        shown = [event.line() + base64.b64decode(event.payload).decode("latin-1") for event in case.exchange()]
    assert any("[token cut short]" in text for text in shown)
    assert not any(token[:12] in text for text in shown)


def test_a_longer_secret_goes_before_one_that_it_holds() -> None:
    redactor = Redactor()
    redactor.add("secret", "short")
    redactor.add("secret-and-more", "long")
    assert redactor.text("secret-and-more, secret") == "[long], [short]"


def test_plain_pytest_hides_them_too(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415

    with faulty_backend("complete-from-the-beginning") as url:
        run = subprocess.run(
            [COMMAND[0], "-m", "pytest", "--pyargs", "hanami_conformance", "-k", "tiny_chunks", "--showlocals", "-vv"],
            cwd=tmp_path,
            env=clean_environment(
                {"HANAMI_TARGET": url, "HANAMI_USER": "alice", "HANAMI_PASSWORD": SECRETS[0]},
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 1, run.stdout + run.stderr
    assert SECRETS[0] not in run.stdout + run.stderr
    assert "complete = false" in run.stdout
