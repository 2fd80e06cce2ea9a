"""``hanami-reports export``: which events, in which format, into which file; each mistake is one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hanami_reports.cli.main import main
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.model.conformance import ExitStatus, Outcome
from support.conformance_results import case, run_of
from support.recorded_exchanges import failed_case, recorded_result

MAGIC = {"har": b'{\n "log"', "pcapng": b"\x0a\x0d\x0d\x0a", "ndjson": b'{"type": "run"'}
FAILED, PASSED = failed_case().id, case(4, Outcome.PASSED, "ATT-1").id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = ConformanceReportFolder(tmp_path / "reports")
    reports.prepare()
    reports.write(recorded_result())
    return reports.path


@pytest.mark.parametrize(("name", "suffix"), [("har", "har"), ("pcap", "pcapng"), ("ndjson", "ndjson")])
def test_each_format_is_written_beside_the_result(
    folder: Path, name: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(folder), "--format", name]) == 0
    file = folder / f"result.{suffix}"
    assert capsys.readouterr().out == f"{file}\n"
    assert file.read_bytes().startswith(MAGIC[suffix])


def test_without_a_format_it_is_har(folder: Path) -> None:
    assert main(["export", str(folder / "result.json")]) == 0
    assert (folder / "result.har").exists()


@pytest.mark.parametrize(
    ("file", "kind"), [("x.pcapng", "pcapng"), ("x.pcap", "pcapng"), ("x.jsonl", "ndjson"), ("x", "har")]
)
def test_the_suffix_of_the_output_is_the_format(folder: Path, tmp_path: Path, file: str, kind: str) -> None:
    assert main(["export", str(folder), "--output", str(tmp_path / file)]) == 0
    assert (tmp_path / file).read_bytes().startswith(MAGIC[kind])


@pytest.mark.parametrize("wanted", [FAILED, "test_x.py::test_of_data_2", "test_x.py"])
def test_one_case_is_written_beside_its_text(folder: Path, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(folder), "--case", wanted, "--format", "pcap"]) == 0
    file = Path(capsys.readouterr().out.strip())
    assert file.parent == folder / "exchanges"
    assert file.suffix == ".pcapng"
    assert file.read_bytes().startswith(MAGIC["pcapng"])


def test_only_the_named_cases_are_written(tmp_path: Path) -> None:
    cases = [case(index, Outcome.FAILED, f"A-{index}", failed_case().exchange) for index in (1, 2, 3)]
    (tmp_path / "result.json").write_text(run_of(cases).to_json(findings=[]))
    wanted = [word for one in cases[:2] for word in ("--case", one.id)]
    assert main(["export", str(tmp_path), *wanted]) == 0
    pages = json.loads((tmp_path / "result.har").read_text())["log"]["pages"]
    assert [page["title"].partition(" ")[0] for page in pages] == [one.id for one in cases[:2]]


def test_an_exported_file_of_events_is_exported_again(folder: Path) -> None:
    assert main(["export", str(folder), "--format", "ndjson"]) == 0
    assert main(["export", str(folder)]) == 0
    before = (folder / "result.har").read_bytes()
    assert main(["export", str(folder / "result.ndjson")]) == 0
    assert (folder / "result.har").read_bytes() == before


def test_exports_of_an_earlier_run_are_removed_with_its_reports(folder: Path) -> None:
    for arguments in (["--format", "pcap"], ["--case", FAILED]):
        assert main(["export", str(folder), *arguments]) == 0
    assert len([*folder.rglob("*.pcapng"), *folder.rglob("*.har")]) == 2
    ConformanceReportFolder(folder).clear()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


MISTAKES = {
    "an unknown case": (
        ["--case", "test_x.py::test_of_data_3"],
        r"no case 'test_x.py::test_of_data_3' in .*, did you mean",
    ),
    "a case that passed": (
        ["--case", PASSED],
        "has no events of .*: a result has those of cases that did not pass; run with",
    ),
    "an unknown format": (["--format", "pdf"], "invalid choice: 'pdf'"),
    "a folder that is missing": (["--output", "missing/x.har"], "cannot write missing/x.har: No such file"),
    "a folder": (["--output", "."], "cannot write .*: Is a directory; choose a file with --output"),
    "what is exported": (["--output", "reports/result.json"], "result.json is what is exported: choose another file"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(
    folder: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder.parent)
    before = (folder / "result.json").read_bytes()
    try:
        status = main(["export", "reports", *arguments])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == ExitStatus.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line), line
    assert (folder / "result.json").read_bytes() == before


def test_a_result_in_which_everything_passed_has_nothing_to_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_of([case(1, Outcome.PASSED, "ATT-1")], status=ExitStatus.CONFORMANT)
    (tmp_path / "result.json").write_text(result.to_json(findings=[]))
    assert main(["export", str(tmp_path)]) == ExitStatus.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert "result.json has no events of any case: a result has those of cases that did not pass; run with" in line
    assert not (tmp_path / "result.har").exists()


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": "hanami-load-result"}'])
def test_what_is_no_result_is_one_line(tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    if content is not None:
        file.write_text(content)
    assert main(["export", str(tmp_path)]) == ExitStatus.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert str(file) in line


@pytest.mark.parametrize("name", ["har", "pcap", "ndjson"])
def test_the_standard_output_is_a_file_like_any_other(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", "hanami_reports.cli.main", "export", str(folder), "--format", name]
    output = subprocess.run([*command, "--output", "-"], capture_output=True, check=True, timeout=60)
    assert output.stderr == b""
    assert main(["export", str(folder), "--format", name, "--output", str(folder / "x")]) == 0
    assert output.stdout == (folder / "x").read_bytes()


def test_a_reader_that_closes_the_output_is_no_mistake(folder: Path) -> None:
    command = [sys.executable, "-m", "hanami_reports.cli.main", "export", str(folder), "--output", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0
