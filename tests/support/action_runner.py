"""The action for GitHub without GitHub: its file, and a runner of the scripts of its steps."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.paths import ROOT
from tools.reference import TIMEOUT, clean_environment

ACTION: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: Mapping[str, Any] = {step["id"]: step for step in ACTION["runs"]["steps"]}
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """What the hosting service gives to a step, in a folder."""

    folder: Path

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temporary(self) -> Path:
        return self.folder / "temp"

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text(encoding="utf-8")

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs, as the runner reads them."""
        lines = iter((self.folder / "output").read_text(encoding="utf-8").split("\n"))
        found = {}
        for line in lines:
            if line:
                name, _, end = line.partition("<<")
                found[name] = "\n".join(iter(lines.__next__, end))
        return found

    def environment(self, step: str, inputs: Mapping[str, str]) -> dict[str, str]:
        """The environment of a step: inputs of the action go where ``env`` of the step puts them."""
        given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | dict(inputs)
        values = {f"inputs.{name}": value for name, value in given.items()}
        values["steps.python.outputs.python-path"] = sys.executable
        own = {name: EXPRESSION.sub(lambda match: values[match[1]], text) for name, text in STEPS[step]["env"].items()}
        return clean_environment() | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "someone/backend",
            "GITHUB_RUN_ID": "17",
            "RUNNER_TEMP": str(self.temporary),
            **own,
        }

    def start(self, step: str, **inputs: str) -> subprocess.Popen[str]:
        """Begin the script of a step as the runner does."""
        for name in ("summary", "output"):
            (self.folder / name).write_text("")
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        script = self.folder / "script.sh"
        script.write_text(STEPS[step]["run"])
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace,
            env=self.environment(step, given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, step: str, **inputs: str) -> tuple[int, str]:
        """Run the script of a step; its exit status, and what it printed."""
        with self.start(step, **inputs) as process:
            said, _ = process.communicate(timeout=TIMEOUT)
        return process.returncode, said
