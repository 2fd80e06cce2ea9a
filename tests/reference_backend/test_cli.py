from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path

import httpx
import pytest

from hanami_reference_backend import __version__
from hanami_reference_backend.auth import User
from hanami_reference_backend.cli import main
from hanami_reference_backend.faults import catalogue
from hanami_reference_backend.faults.released import SERVERS, defects_of
from hanami_reference_backend.options import fault_list, parse_options
from support.backend_peer import DEADLINE, Peer, running
from support.text import replaced

PROGRAM = [sys.executable, "-m", "hanami_reference_backend"]


def test_help_explains_every_option_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    options = [line.split()[0] for line in text.splitlines() if line.startswith("  --")]
    assert len(options) == 27
    assert text.count("(default") == len(options) - 2  # all but --version and --list-faults


def test_every_fault_is_listed_with_the_violated_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(["--list-faults"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 60
    for line in lines:
        name, requirements, text = re.split(r"  +", line, maxsplit=2)
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert text
        assert all(re.fullmatch(r"[A-Z]+-[0-9]+", requirement) for requirement in requirements.split())


def test_the_list_of_faults_fits_a_terminal() -> None:
    faults = catalogue().values()
    lines = fault_list(faults, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if not line.startswith(" ")] == [fault.name for fault in faults]
    words = " ".join(line.strip() for line in lines)
    assert all(f"{fault.name} {' '.join(fault.violates)}: {fault.text}" in words for fault in faults)


def test_faults_are_selected_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["first-write-wins", "takes-any-name", "first-write-wins"]
    options = parse_options([word for name in names for word in ("--fault", name)])
    assert [fault.name for fault in options.faults] == ["first-write-wins", "takes-any-name"]
    with pytest.raises(SystemExit):
        parse_options(["--fault", "first-write-win"])
    assert "did you mean first-write-wins?" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hanami-reference-backend {__version__}\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "65536"],
        ["--port", "x"],
        ["--dialect", "klingon"],
        ["--user", "alice"],
        ["--user", "a:secret:c:root"],
        ["--user", "a b:secret:c"],
        ["--user", "a:secret:c", "--user", "a:secret:c"],
        ["--max-body", "0"],
        ["--seed", "-1"],
        ["--replayable", "x"],
        ["--token-lifetime", "nan"],
        ["--attach-timeout", "0"],
        ["--nonsense"],
        ["--fault", "no-such-fault"],
    ],
    ids=" ".join,
)
def test_wrong_options_are_reported_in_one_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(options)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "error:" in error.splitlines()[-1]
    assert "secret" not in error


def test_users_come_from_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [user.id for user in parse_options([]).users] == ["alice", "bob"]
    monkeypatch.setenv("HANAMI_REFERENCE_USERS", "carol:pw:one  dave:pw:two:admin")
    assert [(user.id, user.is_admin) for user in parse_options([]).users] == [("carol", False), ("dave", True)]
    assert [user.id for user in parse_options(["--user", "erin:pw:one"]).users] == ["erin"]


def test_a_user_does_not_show_the_password() -> None:
    assert "secret" not in repr(User.parse("a:secret:c"))


def test_a_port_in_use_is_reported_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    output, error = capfd.readouterr()
    assert output == ""
    assert error == f"hanami-reference-backend: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("host", ["203.0.113.1", "256.0.0.1", "no such host", "\u2603", "a" * 300, "a\0"])
def test_a_foreign_host_is_reported_in_one_line(host: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", host, "--port", "0"]) == 1
    output, error = capfd.readouterr()
    assert (output, len(error.splitlines())) == ("", 1)
    assert error.startswith("hanami-reference-backend: cannot listen on ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_with_sockets_open(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as server, Peer(server) as peer, peer.open(), peer.attach(peer.cluster(), "cluster"):
        server.process.send_signal(number)
        assert server.process.wait(DEADLINE) == 0


def test_the_text_line() -> None:
    with subprocess.Popen(
        [*PROGRAM, "--port", "0", "--stop-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[6]
        assert line == (
            f"Hanami reference backend (documented) ready on {url} - REST and websocket, API page at {url}/docs;"
            " only for requests to localhost and its addresses, see --allow-host\n"
        )
        assert httpx.get(f"{url}/docs", trust_env=False).status_code == 200
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait(DEADLINE) == 0


def test_replayable_servers_give_the_same_uuids_and_tokens(tmp_path: Path) -> None:
    def given(*options: str) -> tuple[object, ...]:
        with running(tmp_path, *options) as server, Peer(server) as peer:
            upload = peer.begin_csv(5)
            token = peer.ok("token.create", id="alice", password="alice-password")["token"]
            return upload["uuid"], upload["uuid_input_file"], peer.cluster(), token, server.announced["expired_tokens"]

    one, again, other = (given("--replayable", seed) for seed in ("1", "1", "2"))
    assert one == again
    assert not set(map(str, one)) & set(map(str, other))
    assert given() != given()


def test_a_replayable_server_still_rejects_expired_tokens(tmp_path: Path) -> None:
    with running(tmp_path, "--replayable", "1", "--token-lifetime", "1") as server, Peer(server) as peer:
        assert peer.status("dataset.list") == 200
        peer.http.headers["X-Auth-Token"] = server.announced["expired_tokens"]["alice"]
        assert peer.status("dataset.list") == 401


def test_a_dialect_with_users_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documented = (resources.files("hanami_proto") / "dialects" / "documented.toml").read_text(encoding="utf-8")
    routes = '"user.create" = "POST user"\n"user.delete" = "DELETE user"\n[fields]'
    user = '\n[user]\nbody = { id = "{id}" }\ndelete_key = "id"\n'
    file = tmp_path / "mine.toml"
    file.write_text(replaced(documented, "[fields]", routes) + user, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        parse_options(["--dialect", str(file)])
    assert ended.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "this server cannot create users, so it does not serve user.create, user.delete" in error


def test_unknown_keys_of_answers_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (resources.files("hanami_proto") / "dialects" / "documented.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(
        replaced(text, '"dataset.list" = ["uuid", ', '"dataset.list" = ["uuid", "colour", ')
    )
    with pytest.raises(SystemExit):
        parse_options(["--dialect", str(tmp_path / "mine.toml")])
    assert "this server has no value for colour of dataset.list in [answers]" in capsys.readouterr().err


@pytest.mark.parametrize(("released", "quirks"), SERVERS.items())
def test_a_released_server_has_its_dialect_its_quirks_and_its_defects(released: str, quirks: str) -> None:
    options = parse_options(["--as", released])
    assert options.dialect.name == quirks
    assert options.quirks is not None
    assert options.quirks.name == quirks
    assert [defect.name for defect in options.defects] == list(defects_of(released))
    one = parse_options(["--as", released, "--defect", "large-answers-crash", "--quirk-speed", "0"])
    assert [defect.name for defect in one.defects] == ["large-answers-crash"]
    assert parse_options([]).defects == ()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--defect", "large-answers-crash"], "--defect needs --as"),
        (["--as", "hanami-0.4.1", "--defect", "large-answer-crash"], "did you mean large-answers-crash?"),
        (["--as", "hanami-0.4.1", "--defect", "answers-drift"], "hanami-0.4.1 has no defect 'answers-drift'"),
        (["--as", "hanami-0.4.1", "--quirks", "openhanami-0.5"], "does not have the quirks of openhanami-0.5"),
        (["--as", "hanami-0.4.1", "--dialect", "documented"], "does not speak the dialect documented"),
        (["--as", "hanami"], "invalid choice"),
    ],
)
def test_wrong_options_of_a_released_server(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(options)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


def test_the_defects_of_a_released_server_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--as", "openhanami-0.5.0", "--list-faults"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(defects_of("openhanami-0.5.0"))
    assert not {line.split()[0] for line in lines} & set(catalogue())
