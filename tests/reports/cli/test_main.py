"""``hanami-reports`` renders everything again from results, and reports wrong input in one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from hanami_reports.cli.main import main
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.model.conformance import ExitStatus, Outcome
from support.conformance_results import case, mixed, run_of, upload_exchange

WRONG = 4


def written(folder: Path) -> Path:
    """A folder with the reports of a run."""
    reports = ConformanceReportFolder(folder)
    reports.prepare()
    reports.write(mixed())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_drawn_again_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "a")
    before = contents(folder)
    assert len(before) == 5 + 5  # the result and four reports; four exchanges and a sequence
    for name in before:
        if name != "result.json":
            (folder / name).unlink()
    (folder / "exchanges" / "test_old.txt").write_text("of an earlier run")
    assert main(["render", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}/conformance.html\n"
    assert contents(folder) == before


def test_it_is_drawn_elsewhere_with_its_result(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    assert main(["render", str(folder / "result.json"), "--out", str(tmp_path / "b")]) == 0
    assert main(["render", str(folder / "result.json"), "--out", str(tmp_path / "b")]) == 0
    assert contents(tmp_path / "b").keys() == contents(folder).keys()
    assert (tmp_path / "b" / "result.json").read_bytes() == (folder / "result.json").read_bytes()


@pytest.mark.parametrize("name", ["load.json", "peak.json"])
def test_it_is_not_drawn_beside_a_result_of_another_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = written(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / name).write_text("{}")
    assert main(["render", str(folder / "result.json"), "--out", str(tmp_path / "b")]) == 4
    assert "holds the result of another run: choose another folder with --out" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "b").iterdir()] == [name]


def test_an_older_result_is_drawn_and_stays_as_it_is(tmp_path: Path) -> None:
    data = json.loads(mixed().to_json())
    data["format_version"] = 1
    del data["known"]
    data["cases"] = [one for one in data["cases"] if one["outcome"] != "known"]
    for one in data["cases"]:
        del one["known"], one["server_log"]
    text = json.dumps(data)
    (tmp_path / "result.json").write_text(text)
    assert main(["render", str(tmp_path)]) == 0
    assert (tmp_path / "result.json").read_text() == text
    assert "Not conformant" in (tmp_path / "conformance.html").read_text()


def test_several_results_are_drawn_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "a")
    good = ConformanceReportFolder(tmp_path / "b")
    good.prepare()
    good.write(run_of([case(3, Outcome.PASSED, "DATA-2")], status=ExitStatus.CONFORMANT))
    (tmp_path / "a" / "conformance.html").unlink()
    out = tmp_path / "out"
    assert main(["render", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out)]) == 0
    assert list(contents(out)) == ["conformance.html"]
    page = (out / "conformance.html").read_text()
    assert 'data-verdict="FAIL|PASS"' in page
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["A", "a", "NOT", "CONFORMANT"]
    assert lines[-1] == str(out / "conformance.html")
    links = set(re.findall('href="([^"#]+)(?:#[^"]*)?"', page))
    assert links == {"../b/conformance.html"}  # of a, there is only the result
    assert (out / links.pop()).exists()


def test_links_to_the_pages_of_single_results_work_from_anywhere(tmp_path: Path) -> None:
    names = ("a b", "c#d?e%20", "é")
    for name in names:
        good = ConformanceReportFolder(tmp_path / name)
        good.prepare()
        good.write(run_of([case(3, Outcome.PASSED, "DATA-2")], status=ExitStatus.CONFORMANT))
    out = tmp_path / "deep" / "er"
    assert main(["render", *(str(tmp_path / name) for name in names), "--out", str(out)]) == 0
    links = re.findall('<h2>.*?href="([^"]+)"', (out / "conformance.html").read_text())
    goals = [tmp_path / name / "conformance.html" for name in names]
    assert [(out / unquote(link)).resolve() for link in links] == goals
    assert all("#" not in link and "?" not in link for link in links)


def test_compare_recognises_conformance_results_by_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = ConformanceReportFolder(tmp_path / "b")
    good.prepare()
    good.write(run_of([case(3, Outcome.PASSED, "DATA-2")], status=ExitStatus.CONFORMANT))
    folders = [str(written(tmp_path / "a")), str(tmp_path / "b")]
    assert main(["compare", *folders]) == 0
    assert "NO REGRESSIONS" in capsys.readouterr().out
    assert main(["compare", *reversed(folders), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["regressed"]


def changed(folder: Path, **fields: object) -> Path:
    """A result with other fields at its top."""
    data = json.loads(mixed().to_json())
    (folder / "r.json").write_text(json.dumps(data | fields))
    return folder / "r.json"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"format_version": 99}, "result of a run of format version 99, this release reads 1, 2, 3 and 4"),
        ({"format": "x"}, '"format" is not "hanami-conformance-result"'),
        ({"format_version": True}, "result of a run of format version True"),
        ({"format_version": "9" * 10_000}, "result of a run of format version 999"),
        (
            {"requirements": [json.loads(mixed().to_json())["requirements"][0] | {"a\n\x1b[31m" + "b" * 10_000: 1}]},
            "r.json: incomplete result of a run: requirements.0.a\\n\\x1b[31mbbb",
        ),
        ({"exit_status": 42}, "exit_status: is no exit status of a run"),
        ({"exit_status": 10**400}, "exit_status: is no exit status of a run"),
        ({"cases": [{"duration": float("nan")}]}, "r.json: not a result of a run: NaN is no number of JSON"),
        ({"manifest": {"duration": float("-inf")}}, "r.json: not a result of a run: -Infinity is no number of JSON"),
        ({"cases": [{"id": "x"}]}, "cases.0.title: is missing"),
        ({"cases": 7}, "cases: must be a list"),
        ({"requirements": [{"id": "x", "colour": 1}]}, "requirements.0."),
        ({"manifest": {"duration": "long"}}, "manifest.duration: Input should be a valid number"),
        ({"manifest": {"target": []}}, "manifest.target: "),
        ({"manifest": {"options": 1}}, "manifest.options: "),
    ],
)
def test_a_wrong_result_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, object], line: str
) -> None:
    assert main(["render", str(changed(tmp_path, **fields))]) == WRONG
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("hanami-reports: ")
    assert line in said.err
    assert said.err.count("\n") == 1
    assert said.err.strip().isprintable()
    assert len(said.err) < len(str(tmp_path)) + 400
    assert not (tmp_path / "conformance.html").exists()


def test_a_number_beyond_all_bounds_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = changed(tmp_path, manifest={"duration": 12.5})
    file.write_text(file.read_text().replace('"duration": 0.5', '"duration": 1e999', 1))
    assert main(["render", str(file), "--out", str(tmp_path / "out")]) == WRONG
    assert "r.json: incomplete result of a run: cases.0.duration: Input should be a finite number" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_existing_files_are_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ConformanceReportFolder(tmp_path / "other")
    other.prepare()
    other.write(run_of([case(3, Outcome.FAILED, "DATA-2", upload_exchange())]))
    before = contents(tmp_path / "other")
    written(tmp_path / "a")
    for results in ([tmp_path / "a"], [tmp_path / "a", tmp_path / "other"]):
        assert main(["render", *map(str, results), "--out", str(tmp_path / "other")]) == WRONG
        assert "choose another folder with --out" in capsys.readouterr().err
    assert contents(tmp_path / "other") == before


def test_the_same_result_twice_and_a_file_in_place_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path / "a")
    assert main(["render", str(folder), str(folder)]) == WRONG
    assert "named twice" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["render", str(folder), "--out", str(tmp_path / "file")]) == WRONG
    assert "choose another folder with --out" in capsys.readouterr().err
    assert main(["render", str(tmp_path / "nothing")]) == WRONG
    assert "cannot read" in capsys.readouterr().err
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert main(["render", str(tmp_path / "binary")]) == WRONG
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["draw"], ["render"], ["render", "x", "--in", "y"]])
def test_wrong_options_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == WRONG
    assert capsys.readouterr().err.count("\n") == 1


def test_it_is_a_light_program() -> None:
    # Locust patches its whole process, and pytest has no business in it.
    heavy = "{'locust', 'pytest', 'hanami_conformance'}"
    program = f"import sys, hanami_reports.cli.main; print(*sorted({heavy} & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "\n"
