"""Passwords and tokens never reach output, whatever happens."""

from __future__ import annotations

import base64
import html
import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus

import httpx
import pytest

from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.common.redact import Redactor
from hanami_conformance.common.text import hex_preview
from hanami_reports.common.text import printable
from support.sequences import execute, resources_at
from support.suite_runs import COMMAND, double, faulty_backend, run_suite
from support.targets import hanami
from support.traps import Echo, everything_below, spellings_of
from tools.reference import backend, clean_environment

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


BEGIN = Step("begin", {"kind": "csv", "size": 100, "count": 1, "user": 0})
SEQUENCE = StepSequence("upload", (BEGIN,), "documented", "PROG-2").to_json()
ODD = 'p&ss/w<o>rd "q" \u00e4\U0001f600+1'


def url_in_json_in_html(secret: str) -> str:
    return html.escape(json.dumps({"url": f"/x?p={quote(secret)}"}))


@pytest.mark.parametrize(
    "spell",
    [
        json.dumps,
        lambda secret: json.dumps(secret).replace("/", r"\/").replace("&", r"\u0026").replace("<", r"\u003C"),
        lambda secret: "".join(f"\\u{unit:04x}" for (unit,) in struct.iter_unpack(">H", secret.encode("utf-16-be"))),
        lambda secret: json.dumps(json.dumps({"inner": secret})),
        quote,
        lambda secret: quote(secret, safe="").lower(),
        quote_plus,
        lambda secret: quote(quote(secret)),
        lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()),
        html.escape,
        lambda secret: "".join(f"&#{ord(char)};" for char in secret),
        lambda secret: "".join(f"&#x{ord(char):05X};" for char in secret),
        lambda secret: secret.replace("&", "&amp;").replace("\u00e4", "&auml;").replace('"', "&quot;"),
        url_in_json_in_html,
        repr,
        lambda secret: repr(secret.encode()),
        ascii,
        printable,
    ],
)
def test_escapes_hide_no_secret(spell: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.add(ODD, "it")
    line = f"before {spell(ODD)} [between] {spell(ODD)} behind"
    redacted = redactor.text(line)
    assert redacted.count("[it]") == 2
    assert not any(part in redacted for part in ("ss", "rd", "+1", "1f600", "c3"))
    assert redacted.startswith("before ")
    assert redacted.endswith(" behind")
    assert redactor.data(line.encode()) == redacted.encode()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab", "alice:"])
@pytest.mark.parametrize("behind", ["", "\n", "xy", "xyz"])
def test_base64_hides_no_secret(encode: Callable[[bytes], bytes], before: str, behind: str) -> None:
    redactor = Redactor()
    secret = "p?ss>w\u00ffrd~~~"
    redactor.add(secret, "it")
    text = encode(f"{before}{secret}{behind}".encode()).decode()
    redacted = redactor.text(f"Basic {text} and {quote(text, safe='')}")
    assert redacted.count("[it]") == 2
    left = redacted.removeprefix("Basic ").replace("[it]", "").replace(" and ", "")
    assert len(left) <= 2 * (len(text) - 4 * len(secret) // 3)
    assert not any(text[at : at + 4] in redacted for at in range(6, len(text) - 10))


def test_text_without_secrets_is_left_as_it_is() -> None:
    redactor = Redactor()
    redactor.add("very-secret-1", "it")
    random = Random(7)
    for size in (0, 3, 100, 5000):
        data = random.randbytes(size)
        assert redactor.data(data) == data
        text = base64.b64encode(data).decode()
        assert redactor.text(text) == text
    text = r"100%41 &amp; C:\new\u0041 &nonsense; \ud800 \U00110000 %zz \x4"
    assert redactor.text(text) == text


def test_the_beginning_of_a_long_text_holds_no_part_of_a_secret() -> None:
    redactor = Redactor()
    redactor.add("very-secret-1", "it")
    spelled = "".join(f"\\u{ord(char):04x}" for char in "very-secret-1")
    for filler in range(40):
        text = "x" * filler + spelled * 500
        beginning, is_whole = redactor.text_beginning(text, 50)
        assert ("x" * filler + "[it]" * 20).startswith(beginning)
        assert not is_whole
        data, is_whole = redactor.data_beginning(text.encode(), 50)
        assert data.decode() == beginning
    assert redactor.text_beginning("short", 50) == ("short", True)


def test_the_first_bytes_of_a_message_hide_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor()
    redactor.add("very-secret-1", "it")
    monkeypatch.setattr("hanami_conformance.common.text.SECRETS", redactor)
    assert hex_preview(b"very-secret-1") == b"[it]".hex(" ")
    assert hex_preview(b"0123very-secret-1456") == b"0123[it]".hex(" ") + " ..."


def test_redaction_takes_time_in_proportion_to_the_text() -> None:
    redactor = Redactor()
    for number in range(50):
        redactor.add(f"very-secret-{number}", "it")
    text = quote("very-secret-7/") * 2000
    assert redactor.text(text) == "[it]/" * 2000
    assert redactor.text(json.dumps({"a": "&" + "very-secret-7" * 2000})).count("[it]") == 2000


@pytest.mark.parametrize("command", ["run", "check-target", "replay"])
def test_a_target_that_quotes_the_credentials_puts_them_nowhere(tmp_path: Path, command: str) -> None:
    password = 'p&ss/w<o>rd+1 "x"'
    (tmp_path / "sequence.json").write_text(SEQUENCE)
    arguments = {
        "run": ("--profile", "smoke", "-k", "not sequences", "--requirement", "INIT", "--requirement", "ATT"),
        "replay": ("sequence.json",),
    }
    with backend("--user", f"alice:{password}:alpha") as url:
        echo = Echo(int(url.rpartition(":")[2]), password=password)
        with double(echo) as address:
            options = ("--target", address, "--user", "alice", "--deadline", "2")
            environment = {"HANAMI_PASSWORD": password}
            run = hanami(command, *arguments.get(command, ()), *options, cwd=tmp_path, environment=environment)
    assert run.returncode in (1, 6), run.stdout + run.stderr
    text = run.stdout + run.stderr + everything_below(tmp_path)
    assert "[password of the first user]" in text
    assert command != "run" or "[token of the first user]" in text
    assert echo.tokens
    for secret in (password, *echo.tokens):
        assert spellings_of(secret, text) == set()
