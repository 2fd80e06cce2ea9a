"""The same sequences are executed from every folder and in every installation, and no files are left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.reference import TIMEOUT, clean_environment

# Sequences of three kinds, counted and hashed in place of executed, with a module of the user beside the suite.
DRAW = """
import hashlib, sys
sys.path.insert(0, ".")
import mine
from hanami_conformance.options.profiles import PROFILES
from hanami_conformance.stateful import property_runner as search
from hanami_conformance.stateful.strategies.rest_calls import call_sequences
from hanami_conformance.stateful.strategies.first_messages import first_sequences
from hanami_conformance.stateful.strategies.uploads import upload_sequences
from hanami_conformance.resources.factory import ResourceFactory

executed = []
search.execute = lambda sequence, resources: executed.append(sequence.to_json())
plan = search.SearchSettings(PROFILES["gate"], seed=1, seconds=0.0, database=None)
run = search.PropertyRunner(plan, ResourceFactory(None, "aaaa1111"))
run("call", call_sequences(16))
run("first", first_sequences(16))
run("upload", upload_sequences(16, 1_000_000))
print(len(executed), hashlib.sha256("".join(executed).encode()).hexdigest())
"""


def test_folders_and_their_modules_make_no_difference(tmp_path: Path) -> None:
    said = set()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        constants = [f"'mine {number} {index}', {12_345 + index * (number + 1)}" for index in range(50)]
        (folder / "mine.py").write_text(f"MINE = [{', '.join(constants)}]\n")
        run = subprocess.run(
            [sys.executable, "-c", DRAW],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert int(run.stdout.split()[0]) >= 200
        said.add(run.stdout)
        assert not (folder / ".hypothesis").exists()
    assert len(said) == 1, said
