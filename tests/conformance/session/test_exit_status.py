"""Each exit status means what it says, and a target that is not right gives one clear line in bounded time."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from support.suite_runs import (
    BOLD,
    begin_suite,
    closing,
    double,
    endless,
    failing,
    faulty_backend,
    garbage,
    refusing,
    result_of,
    run_suite,
    silent,
    wait_for_cases,
)
from tools.reference import ALICE, SECOND, TIMEOUT


def one_line(text: str) -> str:
    """The only line of an error message."""
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.slow
def test_0_the_reference_backend_is_conformant(tmp_path: Path) -> None:
    run = run_suite("--target", "reference", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "CONFORMANT  59 requirements" in run.stdout
    result = result_of(tmp_path)
    assert (result["verdict"], result["exit_status"]) == ("CONFORMANT", 0)
    assert {entry["verdict"] for entry in result["requirements"]} == {"PASS", "OBSERVED"}
    assert len(result["cases"]) == result["manifest"]["planned_cases"]
    assert all(case["exchanges"] and case["checks"] for case in result["cases"])
    assert result["leftovers"] == []
    assert (tmp_path / "reports" / "latest" / "junit.xml").is_file()
    assert_learned(result["cases"])
    generated = [case for case in result["cases"] if case["sequences"]]
    sequences = [case for case in generated if "_sequences.py" in case["id"] and "overlap" not in case["id"]]
    assert (len(generated), len(sequences)) == (30, 5)  # with 24 of combinations, and one of operations that overlap
    for case in sequences:  # reached every requirement that their case names
        assert [name for name in case["requirements"] if not case["checks_by_requirement"].get(name)] == [], case["id"]


def assert_learned(cases: list[dict[str, object]]) -> None:
    """The reference backend reaches 0.85 on digits that it has not seen."""
    (case,) = [case for case in cases if "learns_handwritten_digits" in str(case["id"])]
    observations = case["observations"]
    assert isinstance(observations, dict)
    assert float(observations["held-out accuracy on digits"].split()[0]) >= 0.85


ONLY = "not sequences and not combinations"  # cases of progress and of nothing else


def test_1_a_fault_is_found_and_shown(tmp_path: Path) -> None:
    with faulty_backend("complete-from-the-beginning") as url:
        run = run_suite("--target", url, *ALICE, *SECOND, "--requirement", "PROG", "-k", ONLY, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "NOT CONFORMANT" in run.stdout
    result = result_of(tmp_path)
    verdicts = {entry["id"]: entry["verdict"] for entry in result["requirements"] if entry["selected"]}
    assert verdicts == {"PROG-1": "PASS", "PROG-2": "FAIL", "PROG-3": "PASS", "PROG-4": "PASS"}
    for shown in (
        "PROG-2",
        "MUST",
        "expected",
        "complete = false",
        "actual",
        "complete = true",
        "/v1/dataset/progress",
    ):
        assert shown in run.stdout
    exchanges = list((tmp_path / "reports" / "latest" / "exchanges").iterdir())
    assert exchanges
    assert "<- 200" in exchanges[0].read_text()


@pytest.mark.slow
def test_1_silence_is_found_and_does_not_hang(tmp_path: Path) -> None:
    with faulty_backend("silent-about-undecodable") as url:
        options = ("--deadline", "1", "--requirement", "DATA-6", "-k", "not sequences", BOLD)
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    (verdict,) = [entry for entry in result_of(tmp_path)["requirements"] if entry["id"] == "DATA-6"]
    assert verdict["verdict"] == "FAIL"
    assert "actual nothing" in verdict["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("level", ["must", "should"])
def test_the_level_decides_whether_a_should_counts(tmp_path: Path, level: str) -> None:
    with faulty_backend("silent-about-undecodable") as url:
        options = ("--deadline", "1", "--requirement", "DATA-6", "-k", "not sequences", "--level", level, BOLD)
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == (0 if level == "must" else 1)
    assert " FAIL " in run.stdout


def test_2_ctrl_c_stops_cleans_up_and_reports(tmp_path: Path) -> None:
    with faulty_backend() as url:
        process = begin_suite("--target", url, *ALICE, cwd=tmp_path)
        wait_for_cases(process)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 2, rest
    assert "INTERRUPTED" in rest
    assert "Traceback" not in rest
    result = result_of(tmp_path)
    assert result["exit_status"] == 2
    assert result["leftovers"] == []
    outcomes = {case["outcome"] for case in result["cases"]}
    assert {"passed", "not run"} <= outcomes


def test_3_a_fault_of_the_suite_is_no_fault_of_the_target(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import hanami_conformance.models.file as model\n"
        "def broken(self, position, data):\n"
        "    raise KeyError('a mistake of the suite')\n"
        "model.FileModel.write = broken\n"
    )
    environment = {"PYTHONPATH": str(tmp_path)}
    run = run_suite("--target", "reference", "--requirement", "INIT-3", cwd=tmp_path, environment=environment)
    assert run.returncode == 3, run.stdout + run.stderr
    assert "INTERNAL ERROR" in run.stdout
    verdicts = {entry["verdict"] for entry in result_of(tmp_path)["requirements"] if entry["selected"]}
    assert verdicts == {"NOT RUN"}


def test_3_tests_that_cannot_be_collected_are_a_fault_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import hanami_conformance.data\ndel hanami_conformance.data.iris\n")
    run = run_suite("--target", "reference", cwd=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    assert run.returncode == 3, run.stdout + run.stderr
    assert "cannot import name 'iris'" in run.stdout
    assert not (tmp_path / "reports" / "latest" / "result.json").exists()


WRONG_OPTIONS = [
    ([], "no target"),
    (["--target", "127.0.0.1:80", *ALICE], "give http://HOST:PORT"),
    (["--target", "http://127.0.0.1:99999", *ALICE], "give http://HOST:PORT"),
    (["--target", "http://a:b@127.0.0.1:80", *ALICE], "--user and --password"),
    (["--target", "http://127.0.0.1:80"], "no credentials"),
    (["--target", "http://127.0.0.1:80", "--user", "alice"], "no credentials"),
    (["--target", "http://127.0.0.1:80", *ALICE, "--second-user", "bob"], "--second-user needs --second-password"),
    (
        ["--target", "http://127.0.0.1:80", *ALICE, "--second-user", "alice", "--second-password", "x"],
        "another project",
    ),
    (["--target", "reference", "--dialect", "klingon"], "choose one of documented, hanami-0.4, openhanami-0.5"),
    (["--target", "reference", "--deadline", "soon"], "--deadline 'soon'"),
    (["--target", "reference", "--deadline", "0"], "--deadline '0'"),
    (["--target", "reference", "--deadline", "nan"], "--deadline 'nan'"),
    (["--target", "reference", "--max-connections", "0"], "--max-connections '0'"),
    (["--target", "reference", "--requirement", "PORG-2"], "did you mean PROG"),
    (["--target", "http://127.0.0.1:80", "--token", "t\u00f6ken"], "--token holds characters that no token has"),
    (["--target", "http://alice:s3cretpw@h:99999"], "--user and --password"),
    (["--target", "http://127.0.0.1:80/?token=s3cretpw"], "has a query"),
    (["--target", "reference", "--level", "may"], "choose must or should"),
    (["--target", "reference", "--profile", "fast"], "choose one of smoke, gate, deep"),
    (["--target", "reference", "--seed", "-1"], "--seed '-1'"),
    (["--target", "reference", "--minutes", "5"], "--minutes is for the profile deep"),
    (["--target", "reference", "--case", "test_nothing.py::test_x"], "an id is FILE::TEST"),
    (["--target", "reference", "--report-dir", "/dev/null/reports"], "choose another folder with --report-dir"),
    (["--target", "reference", "--report-dir", "/"], "it is the root of the file system; choose another folder"),
]


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS, ids=lambda value: str(value)[:40])
def test_4_wrong_options_get_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    run = run_suite(*options, cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert message in one_line(run.stderr)
    assert run.stdout == ""
    assert "s3cretpw" not in run.stderr
    assert not (tmp_path / "reports" / "latest" / "result.json").exists()


def test_4_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    for wrong in ("--tarket", "--targe"):  # the beginning of an option is none
        run = run_suite(wrong, "reference", cwd=tmp_path)
        assert run.returncode == 4
        assert one_line(run.stderr) == f"ERROR: unknown option '{wrong}', did you mean --target?"


def test_4_credentials_that_are_refused(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = run_suite("--target", url, "--user", "alice", "--password", "a-wrong-one", cwd=tmp_path)
    assert run.returncode == 4, run.stdout
    assert "rejects the first user 'alice'" in one_line(run.stderr)
    assert run.stdout == ""
    assert "a-wrong-one" not in run.stdout + run.stderr


def test_4_another_dialect_is_named(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = run_suite("--target", url, *ALICE, "--dialect", "hanami-0.4", cwd=tmp_path)
    assert run.returncode == 4, run.stdout
    assert "give --dialect documented" in one_line(run.stderr)


def test_a_mistake_in_the_options_loses_no_report(tmp_path: Path) -> None:
    good = run_suite("--target", "reference", "--requirement", "PROG-1", "--profile", "smoke", cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    before = (tmp_path / "reports" / "latest" / "result.json").read_text()
    with faulty_backend() as url:
        run = run_suite("--target", url, "--user", "alice", "--password", "a-wrong-one", cwd=tmp_path)
    assert run.returncode == 4
    assert (tmp_path / "reports" / "latest" / "result.json").read_text() == before


def test_4_a_token_that_is_refused(tmp_path: Path) -> None:
    with double(refusing) as url:
        run = run_suite("--target", url, "--token", "no-token-at-all", cwd=tmp_path)
    assert run.returncode == 4, run.stdout
    assert "rejects the token" in one_line(run.stderr)


def test_0_of_selected_cases_says_that_others_may_matter(tmp_path: Path) -> None:
    case = "test_upload_progress.py::test_the_last_chunk_alone_is_not_complete"
    run = run_suite("--target", "reference", "--case", case, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].startswith("Only the selected cases ran.")


def test_5_nothing_ran(tmp_path: Path) -> None:
    run = run_suite("--target", "reference", "-k", "no_such_case", cwd=tmp_path)
    assert run.returncode == 5, run.stdout + run.stderr
    assert "NOTHING RAN  no case matches the selection" in run.stdout
    assert result_of(tmp_path)["exit_status"] == 5


def test_5_sequences_that_did_not_come_to_a_requirement_do_not_prove_it(tmp_path: Path) -> None:
    options = ("--profile", "smoke", "--requirement", "GEN-3", "--case", "test_upload_sequences.py")
    with faulty_backend() as url:
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)  # nobody is there to intrude
    (case,) = result_of(tmp_path)["cases"]
    assert (case["outcome"], "GEN-3" in case["checks_by_requirement"]) == ("passed", False)
    assert run.returncode == 5, run.stdout
    assert "NOT RUN" in run.stdout


def test_5_everything_unsupported(tmp_path: Path) -> None:
    with faulty_backend() as url:
        case = "test_general.py::test_datasets_of_others_are_invisible"
        run = run_suite("--target", url, *ALICE, "--case", case, cwd=tmp_path)
    assert run.returncode == 5, run.stdout
    assert "UNSUPPORTED" in run.stdout
    assert "--second-user" in run.stdout


def test_6_nobody_there(tmp_path: Path) -> None:
    began = time.monotonic()
    run = run_suite("--target", "http://127.0.0.1:1", *ALICE, cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    assert "TARGET NOT REACHABLE  no connection to http://127.0.0.1:1" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    assert len(run.stdout.splitlines()) <= 4
    assert time.monotonic() - began < TIMEOUT
    result = result_of(tmp_path)
    assert result["exit_status"] == 6
    assert {case["outcome"] for case in result["cases"]} == {"not run"}
    assert 'errors="1"' in (tmp_path / "reports" / "latest" / "junit.xml").read_text()


@pytest.mark.parametrize("serve", [silent, closing, garbage, endless, failing], ids=lambda serve: serve.__name__)
def test_6_a_server_that_is_no_target(tmp_path: Path, serve: object) -> None:
    with double(serve) as url:  # type: ignore[arg-type]
        run = run_suite("--target", url, *ALICE, "--deadline", "1", cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    assert "TARGET NOT REACHABLE" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.slow
def test_6_a_target_that_dies_on_the_way(tmp_path: Path) -> None:
    with faulty_backend("dies-of-large-positions") as url:
        chosen = ("--requirement", "DATA-5", "--requirement", "DATA-6", "--requirement", "GEN-2")
        options = ("--deadline", "2", *chosen, "-k", "not sequences")  # which come before, and die of it, too
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    result = result_of(tmp_path)
    assert result["exit_status"] == 6
    (lost,) = [case for case in result["cases"] if case["outcome"] == "lost"]
    assert "position 2^63" in lost["id"]
    assert lost["exchange"][-1]["channel"].startswith("ws")
    verdicts = {entry["id"]: entry["verdict"] for entry in result["requirements"] if entry["selected"]}
    assert verdicts == {"DATA-5": "FAIL", "DATA-6": "NOT RUN", "GEN-2": "FAIL"}


def test_6_a_target_that_dies_while_it_is_tidied_up(tmp_path: Path) -> None:
    with faulty_backend("dies-of-deletes") as url:
        options = ("--deadline", "1", "--requirement", "PROG-1", "--profile", "smoke")
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    first = result_of(tmp_path)["cases"][0]
    assert first["outcome"] == "lost"
    assert "PROG-1" in first["requirements"]


def test_1_an_answer_that_is_missing_now_and_then_is_found(tmp_path: Path) -> None:
    with faulty_backend("forgets-training-answers") as url:
        options = ("--deadline", "1", "--case", "test_direct_io_repeated.py::test_many_mixed_cycles_run_in_order")
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "end of the training cycle" in run.stdout


def test_reports_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    good = run_suite("--target", "reference", "--requirement", "PROG-1", "--profile", "smoke", cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    stale = tmp_path / "reports" / "latest" / "exchanges" / "test_stale.txt"
    stale.parent.mkdir()
    stale.write_text("of another run")
    again = run_suite("--target", "reference", "--requirement", "PROG-3", "--profile", "smoke", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert [one["id"] for one in result_of(tmp_path)["requirements"] if one["selected"]] == ["PROG-3"]
    assert not stale.exists()
