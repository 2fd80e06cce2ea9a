"""What the options say of a live server: a given cluster, its certificate, its address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import hanami_conformance.cli.main
import hanami_loadtests.cli
from hanami_conformance.options.definitions import INSECURE
from hanami_conformance.options.run import resolve
from hanami_conformance.options.target import ExistingCluster, checked_url
from hanami_loadtests.settings import settings_from
from hanami_proto.options import NO, YES

UUID = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
LOGIN = {"user": "a", "password": "b"}
PLAIN = {"target": "http://h:1", **LOGIN}
SAFE = {"target": "https://h:1", **LOGIN}


def test_a_cluster_is_given_with_its_bricks() -> None:
    given = {"cluster": UUID, "cluster_input": ["eyes=20", "a=b=3"], "cluster_output": ["hand=6"]}
    cluster = ExistingCluster(UUID, {"eyes": 20, "a=b": 3}, {"hand": 6})
    assert resolve({**PLAIN, **given}, {}).target.cluster == cluster
    environment = {"HANAMI_CLUSTER": UUID, "HANAMI_CLUSTER_INPUT": "eyes=20, a=b=3", "HANAMI_CLUSTER_OUTPUT": "hand=6"}
    assert resolve(PLAIN, environment).target.cluster == cluster


WRONG: list[tuple[dict[str, Any], str]] = [
    ({**PLAIN, "cluster": "x"}, "--cluster 'x': give the uuid of a cluster"),
    ({**PLAIN, "cluster": UUID}, "--cluster needs its bricks"),
    ({**PLAIN, "cluster_input": ["a=1"]}, "give its uuid, --cluster UUID"),
    ({**PLAIN, "cluster": UUID, "cluster_input": ["a"], "cluster_output": ["b=1"]}, "'a': give NAME=SIZE"),
    ({**PLAIN, "cluster": UUID, "cluster_input": ["a=0"], "cluster_output": ["b=1"]}, "'a=0': give NAME=SIZE"),
    ({**PLAIN, "cluster": UUID, "cluster_input": ["a=1", "a=2"], "cluster_output": ["b=1"]}, "'a' is given twice"),
    ({**PLAIN, "cluster": UUID, "cluster_input": ["a=1"], "cluster_output": ["a=1"]}, "as input and as output"),
    ({**PLAIN, "ca_file": "ca.pem"}, "--ca-file is for https://, and the target is http://h:1"),
    ({**PLAIN, "insecure": "1"}, "--insecure is for https://"),
    ({**SAFE, "insecure": "maybe"}, "--insecure 'maybe': give 1 or 0"),
    ({**SAFE, "insecure": "1", "ca_file": "ca.pem"}, "exclude each other"),
    ({**SAFE, "ca_file": "nowhere.pem"}, "--ca-file nowhere.pem: No such file"),
    ({"target": "reference", "user": "a"}, "--user is not for --target reference"),
    ({"target": "reference", "ca_file": "ca.pem"}, "--ca-file is not for --target reference"),
    ({"target": "reference", "cluster_input": ["a=1"]}, "--cluster-input is not for --target reference"),
    ({"target": "reference", "server_command": "x"}, "--server-command is not for --target reference"),
    ({**PLAIN, "second_password": "x"}, "--second-password needs --second-user (or HANAMI_SECOND_USER)"),
    ({**PLAIN, "dialect": "klingon"}, "or give the path of a .toml file"),
    ({**PLAIN, "dialect": "./klingon.toml"}, "cannot read the dialect ./klingon.toml"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_invalid_options_are_reported(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        resolve(given, {})
    assert "\n" not in str(raised.value)


def test_a_file_without_certificates(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing of the kind")
    with pytest.raises(ValueError, match="no certificates in PEM form"):
        resolve({**SAFE, "ca_file": str(path)}, {})


@pytest.mark.parametrize("word", [*YES, "TRUE", *NO, "Off", ""])
def test_switches_in_the_environment_mean_the_same_in_every_command(word: str) -> None:
    expected = word.lower() in YES
    assert resolve(SAFE, {"HANAMI_INSECURE": word}).target.insecure is expected
    login = {"user": "a", "password": "b", "insecure": word}
    assert settings_from(login, "https://h:1").target.insecure is expected
    assert INSECURE.locust_kwargs({"HANAMI_INSECURE": word})["default"] is expected


def test_a_word_that_is_no_boolean_is_an_error_in_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANAMI_INSECURE", "maybe")
    said = "--insecure 'maybe': give 1 or 0"
    with pytest.raises(ValueError, match=said):
        resolve({"target": "reference"}, {"HANAMI_INSECURE": "maybe"})
    assert hanami_loadtests.cli.main(["run", "--target", "https://h:1", "--user", "a", "--password", "b"]) == 4
    assert said in capsys.readouterr().err
    assert hanami_conformance.cli.main.main(["check-target", "--target", "reference"]) == 4
    assert said in capsys.readouterr().err


def test_an_account_in_the_environment_may_be_for_other_runs() -> None:
    exported = {"HANAMI_USER": "a", "HANAMI_PASSWORD": "b", "HANAMI_SECOND_PASSWORD": "c", "HANAMI_CA_FILE": "ca.pem"}
    assert resolve({"target": "reference"}, exported).reference
    exported.pop("HANAMI_CA_FILE")
    options = resolve({"target": "http://h:1"}, exported).target
    assert (options.account.user, options.account.password, options.other_account) == ("a", "b", None)
    with_user = resolve({"target": "http://h:1", "second_user": "d"}, exported).target.other_account
    assert with_user is not None
    assert (with_user.user, with_user.password) == ("d", "c")
    with pytest.raises(ValueError, match="--second-user needs --second-password"):
        resolve(PLAIN, {"HANAMI_SECOND_USER": "d"})


def test_an_address_may_have_a_base_path() -> None:
    assert checked_url("https://h/base/path/") == "https://h/base/path"
