"""The files of a run: JSON that can be loaded again, JUnit with failures and errors, readable exchanges."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hanami_reports.common.file_names import exchange_name
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.conformance.junit import junit_xml
from hanami_reports.conformance.report_folder import ConformanceReportFolder, exchange_text
from hanami_reports.conformance.reproduce_commands import rerun_command
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import (
    CaseResult,
    Event,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
    parse_result,
)

HOSTILE = "<script>alert(1)</script> \x00\x1b[31m \ud800 ]]> &amp;"


def example(reason: str = "expected a; actual b") -> RunResult:
    cases = tuple(
        CaseResult(
            id=f"test_x.py::test_{outcome.name.lower()}[a b/c]",
            title="What a server must do.",
            requirements=("PROG-2", "PROG-3"),
            outcome=outcome,
            violated=("PROG-2",) if outcome is Outcome.FAILED else (),
            reason="" if outcome is Outcome.PASSED else reason,
            expected="a" if outcome is Outcome.FAILED else "",
            actual="b" if outcome is Outcome.FAILED else "",
            duration=0.25,
            exchanges=3,
            checks=2,
            observations={"what": HOSTILE},
            exchange=(Event(0.5, "ws-1", "sent", "binary", "a chunk", "AAE="),) if outcome is Outcome.FAILED else (),
        )
        for outcome in Outcome
    )
    requirements = (
        RequirementResult("PROG-2", Level.MUST, "Upload", "step 4", "never", Verdict.FAIL, reason, (cases[1].id,)),
        RequirementResult("PROG-3", Level.MUST, "Upload", "step 4", "once", Verdict.PASS, "", (cases[0].id,)),
    )
    manifest = {
        "duration": 1.5,
        "started": "2026-01-02T03:04:05+00:00",
        "dialect": "documented",
        "target": {"url": "u"},
    }
    return RunResult(manifest, ExitStatus.TARGET_LOST, "lost", requirements, cases, ("csv left",))


def test_json_is_read_again_as_it_was() -> None:
    result = example()
    assert parse_result(result.to_json()) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a result"),
        ("[]", "not a result"),
        ('{"format": "other"}', '"format" is not'),
        ('{"format": "hanami-conformance-result", "format_version": 99}', "format version 99"),
        ('{"format": "hanami-conformance-result", "format_version": 1}', "incomplete result"),
        (
            '{"format": "hanami-conformance-result", "format_version": 2, "manifest": []}',
            "manifest: must be a table",
        ),
    ],
)
def test_invalid_results_are_rejected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_result(text)


def test_the_summary_counts_selected_requirements() -> None:
    summary = example().summary()
    assert summary["requirements"] == {"PASS": 1, "FAIL": 1}
    assert summary["cases"] == {outcome.value: 1 for outcome in Outcome}
    assert (summary["exchanges"], summary["checks"]) == (3 * len(Outcome), 2 * len(Outcome))


def test_junit_distinguishes_failures_errors_and_skipped_cases() -> None:
    root = ElementTree.fromstring(junit_xml(example(HOSTILE)))
    kinds = {
        entry.attrib["name"].removeprefix("test_").removesuffix("[a b/c]"): [child.tag for child in entry]
        for entry in root.iter("testcase")
    }
    assert kinds == {
        "passed": [],
        "failed": ["failure"],
        "known": ["skipped"],
        "unsupported": ["skipped"],
        "blocked": ["error"],
        "vacuous": ["error"],
        "lost": ["error"],
        "error": ["error"],
        "skipped": ["skipped"],
        "not_run": ["skipped"],
    }
    assert [root.attrib[name] for name in ("tests", "failures", "errors")] == [str(len(Outcome)), "1", "4"]
    for suite in root:
        assert [entry.attrib["value"] for entry in suite.findall("properties/property")][:2] == ["PROG-2", "PROG-3"]
    failure = root.find("./testsuite/testcase/failure")
    assert failure is not None
    assert "<script>" in failure.attrib["message"]


def test_junit_names_requirement_finding_and_step_of_a_failure() -> None:
    result = example()
    described = dataclasses.replace(result.requirements[0], violation="it is complete too early")
    result = dataclasses.replace(result, requirements=(described, *result.requirements[1:]))
    root = ElementTree.fromstring(junit_xml(result))
    assert [suite.attrib["name"] for suite in root] == ["Upload: step 4"]
    failure = root.find(".//testcase/failure")
    assert failure is not None
    assert failure.attrib["message"] == "PROG-2: it is complete too early (finding 1): expected a; actual b"
    assert (failure.text or "").endswith(
        "\nrerun: hanami-conformance run --target u --report-dir reports/rerun --case 'test_x.py::test_failed[a b/c]'"
    )


def test_junit_of_a_run_that_reached_nothing_is_red() -> None:
    result = RunResult({}, ExitStatus.TARGET_LOST, "no connection", (), ())
    suite = ElementTree.fromstring(junit_xml(result))[0]
    assert (suite.attrib["tests"], suite.attrib["errors"]) == ("1", "1")


def test_files_are_whole_and_fresh(tmp_path: Path) -> None:
    folder = ConformanceReportFolder(tmp_path / "a" / "b")
    folder.prepare()
    folder.write(example(HOSTILE))
    names = sorted(str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file())
    rendered = ["badge.svg", "conformance.html", "exchanges/test_x.py-test_failed-a-b-c.txt", "junit.xml"]
    assert names == [*rendered, "result.json", "summary.md"]
    assert json.loads((folder.path / "result.json").read_text())["verdict"] == "TARGET LOST"
    folder.prepare()
    assert (folder.path / "result.json").is_file()
    folder.clear()
    assert [path for path in folder.path.rglob("*") if path.is_file()] == []


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    mine = [tmp_path / "mine.txt", tmp_path / "exchanges" / "orders.csv", tmp_path / "exchanges" / "sub" / "x"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    folder = ConformanceReportFolder(tmp_path)
    folder.prepare()
    folder.write(example())
    folder.clear()
    assert [path.read_text() for path in mine] == ["precious"] * len(mine)


@pytest.mark.parametrize("name", ["junit.xml", "result.json", "summary.md", "exchanges/test_orders.txt"])
def test_files_of_somebody_else_are_not_replaced(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("precious")
    with pytest.raises(ReportFolderError, match=rf"would replace {theirs}, which is no report of ours; choose another"):
        ConformanceReportFolder(tmp_path).prepare()
    assert theirs.read_text() == "precious"
    (tmp_path / "load.json").write_text('{"format": "hanami-load-result"}')  # theirs is ours, then
    ConformanceReportFolder(tmp_path).prepare()


@pytest.mark.parametrize("place", ["/", "//", "/../."])
def test_the_root_of_the_file_system_is_no_folder_for_reports(place: str) -> None:
    with pytest.raises(ReportFolderError, match="it is the root of the file system; choose another folder"):
        ConformanceReportFolder(Path(place)).prepare()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportFolderError, match=r"cannot write reports to .*file/below: .*--report-dir"):
        ConformanceReportFolder(tmp_path / "file" / "below").prepare()


def test_an_exchange_for_people() -> None:
    failed = example().cases[1]
    assert exchange_name(failed.id) == "test_x.py-test_failed-a-b-c.txt"
    text = exchange_text(failed, example())
    assert "expected  a\nactual    b" in text
    assert "0.5000 s  ws-1 -> a chunk" in text


def test_the_terminal_shows_table_failures_and_verdict() -> None:
    text = render_result(example(), Path("reports/latest"), color=False)
    for part in (
        "PROG-2",
        "MUST",
        "FAIL",
        "never",
        "actual",
        "TARGET LOST  lost",
        "left over on the target: csv left",
    ):
        assert part in text
    assert "\x1b" not in text


def test_colours_only_where_they_are_asked_for() -> None:
    assert "\x1b[" in render_result(example(), Path("r"), color=True, width=100)


@pytest.mark.parametrize(
    ("target", "dialect", "line"),
    [
        ({"reference": True, "url": "x"}, "documented", "--target reference --report-dir reports/rerun --case c"),
        (
            {"url": "http://h:1", "user": "a b", "second_user": "b"},
            "hanami-0.4",
            "--target http://h:1 --dialect hanami-0.4 --user 'a b' --second-user b --report-dir reports/rerun --case c",
        ),
    ],
)
def test_the_line_that_runs_a_case_again(target: dict[str, object], dialect: str, line: str) -> None:
    result = RunResult({"target": target, "dialect": dialect}, 1, "", (), ())
    assert rerun_command(CaseResult("c", "", (), Outcome.FAILED), result) == f"hanami-conformance run {line}"


def test_the_log_of_a_lost_server_is_quoted_where_there_is_one() -> None:
    result = example()
    lost = dataclasses.replace(result.cases[0], outcome=Outcome.LOST, reason="gone", server_log="line 1\nline [2]")
    with_log = dataclasses.replace(result, cases=(lost, *result.cases[1:]))
    assert parse_result(with_log.to_json()) == with_log
    text = render_result(with_log, Path("r"), color=False)
    assert "server log" in text
    assert "line [2]" in text
    assert exchange_text(dataclasses.replace(lost, exchange=result.cases[1].exchange), result).endswith(
        "line 1\nline [2]\n"
    )
    error = ElementTree.fromstring(junit_xml(with_log)).find(".//testcase/error")
    assert error is not None
    rerun = "rerun: hanami-conformance run --target u --report-dir reports/rerun --case 'test_x.py::test_passed[a b/c]'"
    assert (error.text or "").endswith(f"gone\nend of the server's log:\nline 1\nline [2]\n{rerun}")
    assert "gone" in (error.get("message") or "")
    data = json.loads(result.to_json())
    for case in data["cases"]:
        del case["server_log"]
    assert parse_result(json.dumps(data)) == result
