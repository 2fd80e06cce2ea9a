"""The action for GitHub: is ``action.yml`` consistent with the program, and are its pages right?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import yaml

from hanami_conformance.cli import github_action
from hanami_conformance.cli.main import parser
from hanami_conformance.options.definitions import OPTIONS
from support.action_runner import ACTION, EXPRESSION, STEPS
from support.paths import ROOT

DOCS = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")


def texts(part: Any) -> Iterator[str]:
    """All texts of a parsed file."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from texts(one)
    elif isinstance(part, str):
        yield part


def test_the_action_is_consistent() -> None:
    inputs, outputs = ACTION["inputs"], ACTION["outputs"]
    assert ACTION["runs"]["using"] == "composite"
    assert all(one["description"] and isinstance(one["default"], str) for one in inputs.values())
    used = [match for text in texts(ACTION["runs"]) for match in EXPRESSION.findall(text)]
    used += [step["if"] for step in STEPS.values() if "if" in step]
    named = {name for text in used for name in re.findall(r"inputs\.([a-z-]+)", text)}
    assert named == set(inputs)  # none that is not there, none that is not used
    for text in (*used, *(one["value"] for one in outputs.values())):
        for step, output in re.findall(r"steps\.([a-z]+)\.outputs\.([a-z-]+)", text):
            assert step in STEPS
            assert step == "python" or output in {*outputs, "reports"}
    assert {name: one["value"] for name, one in outputs.items()} == {
        name: f"${{{{ steps.judge.outputs.{name} }}}}" for name in ("verdict", "exit-status", "result")
    }


def test_inputs_reach_the_program_by_the_environment_and_no_script() -> None:
    environment = STEPS["judge"]["env"]
    names = (*github_action.PASSED_ON, *github_action.OWN)
    assert environment == {github_action.input_variable(name): f"${{{{ inputs.{name} }}}}" for name in names}
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
        assert ("run" in step) == (step.get("shell") == "bash")
    assert {option.name for option in OPTIONS if option.name in names} == set(github_action.PASSED_ON)


def test_reports_are_uploaded_also_when_red() -> None:
    step = STEPS["upload"]
    assert list(STEPS).index("judge") < list(STEPS).index("upload")
    assert step["if"].startswith("always()")
    assert step["with"]["path"] == "${{ steps.judge.outputs.reports }}"


def test_the_examples_of_the_docs_are_right() -> None:
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)]
    steps = [
        step for block in blocks for job in block.get("jobs", {}).values() for step in job["steps"] if "uses" in step
    ]
    ours = [step for step in steps if "hanami-conformance@" in step["uses"]]
    assert ours
    for step in ours:
        assert set(step["with"]) <= set(ACTION["inputs"])
        assert all("secrets." in step["with"][name] for name in step["with"] if name.endswith(("password", "token")))
    assert any("services" in job for block in blocks for job in block.get("jobs", {}).values())
    jobs = [job for block in blocks for job in block.values() if isinstance(job, dict) and "script" in job]
    assert jobs
    for job in jobs:
        assert job["artifacts"]["when"] == "always"
        assert job["artifacts"]["reports"]["junit"] == "reports/latest/junit.xml"
        for line in (*job["script"], *job.get("after_script", [])):
            for part in re.split(r"\|\||&&|>", line):
                words = shlex.split(part)
                if words[:1] == ["hanami-conformance"]:
                    parser().parse_args(words[1:])


def test_every_input_is_documented() -> None:
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"`{name}`" in DOCS
