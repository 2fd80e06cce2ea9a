"""The generated modules are those that the schemas give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.paths import ROOT


@pytest.mark.parametrize("name", ["brick_pb2.py", "brick_pb2.pyi", "buffer_pb2.py", "buffer_pb2.pyi"])
def test_generating_again_gives_the_same_files(tmp_path: Path, name: str) -> None:
    subprocess.run([sys.executable, ROOT / "proto" / "generate.py", tmp_path], check=True, timeout=60)
    assert (tmp_path / "hanami_proto" / name).read_bytes() == (ROOT / "proto" / "hanami_proto" / name).read_bytes()
