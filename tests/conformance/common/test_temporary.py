"""Temporary folders: they are deleted, also where a signal arrives while they are made."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from hanami_conformance.common.signals import handle_signals
from hanami_conformance.common.temporary import temporary_folder


def test_a_folder_is_there_in_the_block_alone() -> None:
    with temporary_folder("hanami-test-") as folder:
        (folder / "file").write_text("content")
        assert folder.name.startswith("hanami-test-")
    assert not folder.exists()


def test_an_interrupt_while_a_folder_is_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = tempfile.mkdtemp
    made: list[str] = []

    def interrupted(suffix: str | None, prefix: str | None, _folder: str | None) -> str:
        made.append(make(suffix, prefix, tmp_path))
        os.kill(os.getpid(), signal.SIGINT)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", interrupted)
    with pytest.raises(KeyboardInterrupt), handle_signals(), temporary_folder("hanami-test-"):
        pytest.fail("the block began")
    assert len(made) == 1
    assert list(tmp_path.iterdir()) == []
