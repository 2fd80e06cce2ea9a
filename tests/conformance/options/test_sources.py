"""Where options come from: the command line, the environment, a settings file; and what is wrong in such a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanami_conformance.cli.init import settings_text
from hanami_conformance.options.definitions import SECTIONS
from hanami_conformance.options.run import RunOptions, resolve
from support.targets import backend, hanami
from support.text import replaced

FILE = """\
[target]
target = "http://file:1"
user = "filer"
password = "secret-of-the-file"
deadline = 3
max_connections = 1

[run]
profile = "smoke"
seed = 7
requirement = ["PROG"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(text: str | None, given: dict[str, Any] | None = None, **environment: str) -> RunOptions:
    if text is not None:
        Path("hanami-conformance.toml").write_text(text, encoding="utf-8")
    return resolve(given or {}, environment)


def test_a_file_in_the_current_folder_is_read() -> None:
    options = resolved(FILE)
    assert options.config == Path("hanami-conformance.toml")
    assert (options.target.url, options.target.account.user) == ("http://file:1", "filer")
    assert options.target.account.password == "secret-of-the-file"
    assert (options.target.deadline, options.target.max_connections) == (3, 1)
    assert (options.profile.name, options.seed) == ("smoke", 7)
    assert options.requirements == frozenset(("PROG-1", "PROG-2", "PROG-3", "PROG-4"))
    assert "secret-of-the-file" not in repr(options)


def test_flags_go_before_the_environment_before_the_file() -> None:
    environment = {"HANAMI_TARGET": "http://env:2", "HANAMI_DEADLINE": "4"}
    options = resolved(FILE, {"target": "http://flag:3", "requirement": ["DATA-1"]}, **environment)
    assert options.target.url == "http://flag:3"
    assert options.target.deadline == 4
    assert options.seed == 7
    assert options.requirements == frozenset(("DATA-1",))


def test_another_file_by_name(folder: Path) -> None:
    (folder / "sub").mkdir()
    more = 'report-dir = "out"\ndatabase = "none"\n'
    (folder / "sub" / "mine.toml").write_text(replaced(FILE, "filer", "other") + more)
    options = resolved(FILE, {"config": "sub/mine.toml"})
    assert options.target.account.user == "other"
    assert options.report_dir == Path("sub/out")
    assert options.database is None
    assert resolved(FILE, HANAMI_CONFIG="sub/mine.toml").config == Path("sub/mine.toml")


def test_no_file_is_needed() -> None:
    assert resolved(None, {"target": "reference"}).config is None
    with pytest.raises(ValueError, match=r"cannot read nowhere\.toml: No such file"):
        resolved(None, {"target": "reference", "config": "nowhere.toml"})


def test_a_file_for_the_reference_backend_has_no_options_of_another_server() -> None:
    with pytest.raises(ValueError, match="--user is not for --target reference"):
        resolved('[target]\ntarget = "reference"\nuser = "a"\n')
    assert resolved('[target]\ntarget = "reference"\ninsecure = false\n').reference
    assert resolved(FILE, {"target": "reference"}).reference  # the file is for another target, and stays as it is


def test_a_secret_may_stand_in_a_variable() -> None:
    text = replaced(FILE, 'password = "secret-of-the-file"', 'password_env = "MY_PASSWORD"')
    assert resolved(text, MY_PASSWORD="from-there").target.account.password == "from-there"
    assert resolved(text, {"password": "given"}).target.account.password == "given"
    with pytest.raises(ValueError, match=r"^hanami-conformance\.toml:4: password_env: the environment has no MY_PASS"):
        resolved(text)


def test_an_account_is_taken_as_a_whole() -> None:
    token = replaced(FILE, 'user = "filer"\npassword = "secret-of-the-file"', 'token = "token-of-the-file"')
    assert resolved(token).target.account.token == "token-of-the-file"
    account = resolved(token, {"user": "me"}, HANAMI_PASSWORD="mine").target.account
    assert (account.user, account.password, account.token) == ("me", "mine", "")
    account = resolved(FILE, {"token": "my-token"}).target.account
    assert (account.user, account.password, account.token) == ("", "", "my-token")


WRONG = [
    ("[target]\nusre = 1\n", "2: unknown key 'usre' in [target], did you mean 'user'?"),
    ("[target]\nprofile = 'gate'\n", "2: 'profile' belongs in [run]"),
    ("user = 'a'\n", "1: 'user' stands in no section: it belongs in [target]"),
    ("\n[tarket]\n", "2: unknown section 'tarket', did you mean 'target'?"),
    ("target = 5\n", "1: target must be a section: [target]"),
    ("[target]\nuser = 5\n", "2: user must be a text"),
    ("[target]\n# one\ndeadline = '5'\n", "3: deadline must be a number"),
    ("[target]\ndeadline = true\n", "2: deadline must be a number"),
    ("[target]\ninsecure = 1\n", "2: insecure must be true or false"),
    ("[run]\nrequirement = 'PROG'\n", '2: requirement must be a list of texts: ["ID"]'),
    ("[target]\nmax-connections = 1\nmax_connections = 2\n", "3: max-connections is there twice"),
    ("[target]\npassword = 'x'\npassword_env = 'Y'\n", "3: password is there twice"),
    ("[target]\npassword_env = 5\n", "2: password_env must be a text"),
    ("[target]\nuser_env = 'X'\n", "2: unknown key 'user_env' in [target]"),
    ("[target]\nuser = \n", "2: not TOML: Invalid value"),
    ("[target]\npassword = 'very-secret-9\n", "3: not TOML: Expected"),
    ("[target]\npassword = ['very-secret-9']\n", "2: password must be a text"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_errors_name_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="hanami-conformance") as raised:
        resolved(text)
    assert str(raised.value).startswith(f"hanami-conformance.toml:{message}")
    assert "\n" not in str(raised.value)
    assert "very-secret-9" not in str(raised.value)


def test_a_written_file_holds_every_option_and_is_right() -> None:
    text = settings_text()
    options = resolved(text, HANAMI_PASSWORD="x")
    assert (options.target.dialect, options.target.account.user) == ("auto", "alice")
    for option in (option for section in SECTIONS.values() for option in section):
        assert f"{option.name} = " in text or f"{option.name}_env = " in text


def test_init_writes_and_never_replaces(folder: Path) -> None:
    first = hanami("init", cwd=folder)
    assert first.returncode == 0, first.stderr
    assert (folder / "hanami-conformance.toml").read_text() == settings_text()
    (folder / "hanami-conformance.toml").write_text("mine")
    again = hanami("init", cwd=folder)
    assert again.returncode == 4
    assert again.stderr == "ERROR: hanami-conformance.toml exists already and was not changed: name another file\n"
    assert (folder / "hanami-conformance.toml").read_text() == "mine"
    assert hanami("init", "other.toml", cwd=folder).returncode == 0
    assert hanami("init", "no/such/folder.toml", cwd=folder).returncode == 4


def test_a_run_names_the_file_it_read_and_nothing_secret(folder: Path) -> None:
    with backend() as url:
        (folder / "hanami-conformance.toml").write_text(
            f'[target]\ntarget = "{url}"\nuser = "alice"\npassword = "very-secret-1"\n'
            '\n[run]\nrequirement = ["PROG-1"]\n'
        )
        run = hanami("run", cwd=folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "settings from hanami-conformance.toml\n" in run.stdout
    written = (folder / "reports" / "latest" / "result.json").read_text()
    assert '"config": "hanami-conformance.toml"' in written
    assert "very-secret-1" not in run.stdout + run.stderr + written


def test_4_where_the_file_is_wrong(folder: Path) -> None:
    (folder / "hanami-conformance.toml").write_text("[target]\nusre = 'a'\n")
    for words in (("run",), ("check-target",), ("replay", "x.json")):
        run = hanami(*words, cwd=folder)
        assert run.returncode == 4
        if words != ("replay", "x.json"):
            assert "hanami-conformance.toml:2: unknown key 'usre' in [target], did you mean 'user'?" in run.stderr
