"""The wheel in environments of other people: it breaks nothing there, and nothing there breaks it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.load_runs import easy_limits
from support.paths import ROOT
from tools.dist import DATA, LICENSES, PACKAGES, SOURCES, DistError, build, check_sdist, check_wheel
from tools.reference import clean_environment

TIMEOUT = 300.0  # seconds; only reached when something is broken
LIGHT = 45  # packages at most, pip aside, that the suite and the reference backend need
NAMES = [*DATA, *(f"x.dist-info/licenses/{name}" for name in LICENSES)]
PROTO_PLUS = """\
import proto

class Message(proto.Message):
    value = proto.Field(proto.INT32, number=1)

assert Message.deserialize(Message.serialize(Message(value=7))).value == 7
"""
# What a session of pytest has loaded of ours when it is over.
LOADED = """\
import sys

def pytest_unconfigure():
    print("loaded:", *sorted(name for name in sys.modules if name.startswith("hanami")))
"""
# The plugin, the table of options that it registers, and the packages that these are in.
OF_THE_PLUGIN = {
    "hanami_conformance",
    "hanami_conformance.options",
    "hanami_conformance.options.definitions",
    "hanami_conformance.session",
    "hanami_conformance.session.plugin",
    "hanami_proto",
    "hanami_proto.options",
}
COMMANDS = ("hanami-conformance", "hanami-reports", "hanami-reference-backend")


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own."""

    folder: Path

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    def run(self, name: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program(name), *arguments],
            cwd=cwd,
            env=clean_environment({"PYTHONPATH": ""}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def output(self, name: str, *arguments: str | Path, cwd: Path) -> str:
        done = self.run(name, *arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pip(self, *arguments: str | Path) -> str:
        return self.output("python", "-m", "pip", "--disable-pip-version-check", *arguments, cwd=ROOT)

    def install(self, *names: str | Path) -> None:
        self.pip("install", "--quiet", "--constraint", ROOT / "constraints.txt", *names)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))[1]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    def make() -> Environment:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, with_pip=True, symlinks=True)
        return Environment(folder)

    return make


@pytest.fixture(scope="module")
def installed(environment: Callable[[], Environment], wheel: Path) -> Environment:
    """An environment with the wheel, without extras."""
    made = environment()
    made.install(wheel)
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with packages named as our folders, options named as ours, and settings of its own."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("proto", "reports", "conformance", "loadtests", "reference_backend", "tools"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
    (folder / "conftest.py").write_text(
        f"{LOADED}\ndef pytest_addoption(parser):\n    parser.addoption('--target')\n    parser.addoption('--seed')\n",
        encoding="utf-8",
    )
    (folder / "pytest.ini").write_text(
        "[pytest]\npython_files = *_test.py check_*.py\npython_functions = it_*\nnorecursedirs = suite hanami*\n"
        "filterwarnings = error\naddopts = --strict-markers --strict-config --doctest-modules\n",
        encoding="utf-8",
    )
    (folder / "own_test.py").write_text(
        "import conformance, proto, reports\n\n"
        "def it_has_packages_of_its_own(request):\n"
        "    assert [conformance.NAME, proto.NAME, reports.NAME] == ['conformance', 'proto', 'reports']\n"
        "    assert request.config.getoption('--target') == 'theirs'\n",
        encoding="utf-8",
    )
    return folder


def loaded(text: str) -> set[str]:
    (line,) = (line for line in text.splitlines() if line.startswith("loaded:"))
    return set(line.split()[1:])


def cases_in(text: str) -> list[str]:
    """Ids of the cases that pytest lists, without the folder that they are in."""
    return [re.sub(r"^[^:]*/", "", line) for line in text.splitlines() if "::" in line]


@pytest.mark.slow
def test_a_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        check_wheel([name for name in archive.namelist() if not name.endswith("/")])


@pytest.mark.parametrize("foreign", ["tests/test_x.py", "tools/dist.py", "proto/__init__.py", "reports/latest/x"])
def test_foreign_files_in_a_wheel_are_found(foreign: str) -> None:
    check_wheel(NAMES)
    with pytest.raises(DistError, match=f"does not belong there: {foreign}$"):
        check_wheel([*NAMES, foreign])


@pytest.mark.parametrize("name", NAMES)
def test_missing_files_in_a_wheel_are_found(name: str) -> None:
    with pytest.raises(DistError, match="lacks"):
        check_wheel([*(other for other in NAMES if other != name), "x.dist-info/METADATA"])


def test_an_sdist_that_lacks_something_is_found() -> None:
    with pytest.raises(DistError, match=r"lacks pyproject\.toml"):
        check_sdist(["x/README.md"])


@pytest.mark.parametrize(
    "foreign", ["reports/latest/result.json", "reports/mine/a.json", "hanami-conformance.toml", ".env"]
)
def test_settings_and_reports_of_a_developer_in_an_sdist_are_found(foreign: str) -> None:
    check_sdist([f"x/{name}" for name in SOURCES])
    with pytest.raises(DistError, match=f"does not belong there: {re.escape(foreign)}$"):
        check_sdist([*(f"x/{name}" for name in SOURCES), f"x/{foreign}"])


@pytest.mark.slow
def test_it_is_light(installed: Environment, tmp_path: Path) -> None:
    names = {entry["name"].lower() for entry in json.loads(installed.pip("list", "--format=json"))}
    assert names & {"locust", "flask", "gevent", "zmq", "pyzmq"} == set()
    assert len(names - {"pip", "setuptools"}) <= LIGHT, sorted(names)
    done = installed.run("hanami-load", "run", "--target", "reference", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "ERROR: hanami-load needs Locust: pip install 'hanami-conformance[load]'\n"


@pytest.mark.slow
def test_it_runs_from_a_folder_of_anybody(installed: Environment, project: Path, tmp_path: Path) -> None:
    assert "PROG-2" in installed.output("hanami-conformance", "requirements", cwd=project)
    for command in COMMANDS:
        assert "usage: " in installed.output(command, "--help", cwd=project)
    options = ("--target", "reference", "--profile", "smoke", "--requirement", "PROG-1", "--report-dir", tmp_path)
    assert "CONFORMANT  1 requirement: 1 PASS" in installed.output("hanami-conformance", "run", *options, cwd=project)
    assert installed.output("python", "-m", "pip", "check", cwd=project) == "No broken requirements found.\n"


@pytest.mark.slow
def test_a_session_of_another_project_is_unaffected(installed: Environment, project: Path) -> None:
    installed.install("pytest-profiling")  # which has an option --profile
    said = installed.output("python", "-m", "pytest", "--target", "theirs", "--profile", cwd=project)
    assert "1 passed" in said
    assert loaded(said) == OF_THE_PLUGIN


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_the_cases_are_collected_whatever_the_settings_of_a_project_are(
    installed: Environment, project: Path, mode: str
) -> None:
    words = ("-m", "pytest", "--pyargs", "hanami_conformance", f"--import-mode={mode}")
    said = installed.output("python", *words, "--collect-only", "-q", cwd=project)
    plain = installed.output("python", *words, "--collect-only", "-q", "-c", os.devnull, cwd=project)
    assert cases_in(said) == cases_in(plain)
    assert len(cases_in(said)) > 600
    assert all(case.startswith("test_") for case in cases_in(said))
    options = ("--hanami-target=reference", "--hanami-requirement=PROG-1", "--hanami-profile=smoke")
    assert "CONFORMANT  1 requirement: 1 PASS" in installed.output("python", *words, *options, cwd=project)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_it_lives_beside_proto_plus(
    environment: Callable[[], Environment], wheel: Path, tmp_path: Path, first: str
) -> None:
    made = environment()
    for name in (wheel, "proto-plus") if first == "ours" else ("proto-plus", wheel):
        made.install(name)
    made.output("python", "-c", PROTO_PLUS, cwd=tmp_path)
    assert "PROG-2" in made.output("hanami-conformance", "requirements", cwd=tmp_path)
    made.pip("uninstall", "--yes", "proto-plus" if first == "ours" else "hanami-conformance")
    if first == "ours":
        assert "PROG-2" in made.output("hanami-conformance", "requirements", cwd=tmp_path)
    else:
        made.output("python", "-c", PROTO_PLUS, cwd=tmp_path)
        left = [path.name for path in made.folder.glob("lib/python*/site-packages/*") if path.name in PACKAGES]
        assert left == []


@pytest.mark.slow
def test_with_its_extra_it_makes_load_without_a_checkout(
    environment: Callable[[], Environment], wheel: Path, project: Path
) -> None:
    made = environment()
    made.install(f"{wheel}[load]")
    assert made.output("hanami-load", "locustfile", cwd=project) == (ROOT / "loadtests" / "locustfile.py").read_text()
    assert "wrote mine.py" in made.output("hanami-load", "locustfile", "mine.py", cwd=project)
    assert "csv-upload" in made.output("locust", "-f", "mine.py", "--list", cwd=project)
    options = ("--target", "reference", "--users", "1", "--seconds", "3", "--scenario", "rest", *easy_limits(project))
    assert "\nPASS" in made.output("hanami-load", "run", *options, cwd=project)


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the session that runs these tests reaches the other environments."""
    for name in ("VIRTUAL_ENV", "PYTHONHOME"):
        monkeypatch.delenv(name, raising=False)
    assert sys.prefix != sys.base_prefix, "these tests are for a virtual environment"
