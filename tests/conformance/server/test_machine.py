"""What a server that the suite starts may lack: space on a disk, memory, file descriptors."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from hanami_conformance.common import control_groups
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.server import machine
from hanami_conformance.server.machine import MIB, ServerMachine, available_memory, require_descriptors


def test_nothing_is_lacking_as_a_rule(tmp_path: Path) -> None:
    assert ServerMachine((tmp_path,)).shortage() == ""


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    usage = shutil.disk_usage
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: SimpleNamespace(free=4096) if folder == full else usage(folder)
    )
    assert ServerMachine((full,)).shortage() == f"no space is left on the disk of {full}: delete files there"
    monkeypatch.setenv("TMPDIR", str(full))
    assert ServerMachine().shortage() == f"no space is left on the disk of {full}: delete files there"


@pytest.mark.parametrize(
    ("version", "limit", "usage"),
    [
        ("0::/box\n", "memory.max", "memory.current"),
        ("4:memory:/box\n", "memory/box/memory.limit_in_bytes", "memory/box/memory.usage_in_bytes"),
    ],
)
@pytest.mark.parametrize(("left", "kills", "named"), [(100, 1, True), (100, 0, False), (4000, 1, False)])
def test_a_process_that_the_kernel_ends_for_memory(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: str,
    limit: str,
    usage: str,
    left: int,
    kills: int,
    *,
    named: bool,
) -> None:
    """A server that uses up 4 GB is responsible itself, and one that found 100 MiB is not."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    for folder in (proc / "self", groups / "memory" / "box"):
        folder.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(version)
    (proc / "vmstat").write_text("nr_free_pages 100\noom_kill 7\n")
    (groups / usage).write_text(f"{300 * MIB}\n")
    (groups / limit).write_text(f"{(300 + left - 20) * MIB}\n")
    (groups / usage).with_name("memory.stat").write_text(f"anon 5\ninactive_file {20 * MIB}\n")
    monkeypatch.setattr(control_groups, "PROC", proc)
    monkeypatch.setattr(machine, "PROC", proc)
    monkeypatch.setattr(control_groups, "CGROUP", groups)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=64_000 * MIB))
    assert available_memory() == left * MIB
    server = ServerMachine()
    (proc / "vmstat").write_text(f"nr_free_pages 100\noom_kill {7 + kills}\n")
    lacking = server.shortage()
    assert bool(lacking) == named
    assert not named or lacking.startswith("the kernel ended a process because no memory was left, of 100 MiB")


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits of file descriptors that are set, after those at first."""
    found = [(40, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: found[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: found.append(limits))
    return found


def test_a_low_limit_of_descriptors_is_raised(limits: list[tuple[int, int]]) -> None:
    require_descriptors(8)
    assert limits[1:] == [(80, 4096)]
    require_descriptors(8)
    assert limits[2:] == []


def test_a_limit_of_descriptors_that_cannot_be_raised_is_a_shortage(limits: list[tuple[int, int]]) -> None:
    limits[:] = [(40, 60)]
    with pytest.raises(MachineShortage, match=r"a process may have 60 file descriptors: raise the limit to 80"):
        require_descriptors(8)
