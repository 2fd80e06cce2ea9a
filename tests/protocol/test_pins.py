"""What runs or is downloaded elsewhere is pinned by what it is: actions by commit, packages and images by hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from support.paths import ROOT

WORKFLOWS = [
    ROOT / "action.yml",
    *sorted((ROOT / ".github").rglob("*.yml")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
]
LOCKS = {ROOT / ".ci" / "requirements.txt": (), ROOT / ".ci" / "requirements-load.txt": ("load",)}
OURS = "OWNER/hanami-conformance"  # a placeholder in the documentation
USED = re.compile(r"uses: (?P<action>[^@\s]+)@(?P<commit>\S+)(?: # (?P<version>v[0-9.]+))?")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)", re.MULTILINE)


def used_actions() -> list[tuple[Path, re.Match[str]]]:
    return [(path, match) for path in WORKFLOWS for match in USED.finditer(path.read_text(encoding="utf-8"))]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    return {normal(match["name"]): match["version"] for match in PINNED.finditer(path.read_text(encoding="utf-8"))}


def test_actions_are_pinned_by_commit_with_their_version_beside() -> None:
    found = used_actions()
    assert len(found) >= 10
    for path, used in found:
        if used["action"] == OURS:
            assert used["commit"] == "COMMIT", f"{path}: {used[0]}"
            continue
        assert re.fullmatch("[0-9a-f]{40}", used["commit"]), f"{path}: {used[0]}"
        assert re.fullmatch(r"v\d+\.\d+\.\d+", used["version"] or ""), f"{path}: {used[0]}"


def test_each_version_of_an_action_is_one_commit() -> None:
    others = [used for _, used in used_actions() if used["action"] != OURS]
    pairs = {(used["action"], used["version"], used["commit"]) for used in others}
    assert len(pairs) == len({pair[:2] for pair in pairs}) == len({(pair[0], pair[2]) for pair in pairs})


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_locks_have_the_pinned_versions_of_what_is_needed_each_with_hashes(lock: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [name for extra in LOCKS[lock] for name in project["project"]["optional-dependencies"][extra]]
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"], *extras]
    locked, constraints = pins(lock), pins(ROOT / "constraints.txt")
    for requirement in needed:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match is not None
        assert normal(match[0]) in locked, f"{requirement}: run make lock"
    # What only other systems need is in the locks alone.
    different = {name: version for name, version in locked.items() if constraints.get(name, version) != version}
    assert not different, "run make lock"
    blocks = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    for block in blocks:
        assert block.startswith("#") or re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_the_image_is_made_from_pinned_parts() -> None:
    dockerfile = (ROOT / "docs" / "how-to" / "load" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^FROM (\S+)$", dockerfile, re.MULTILINE)
    for image in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE):
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image)
    for command in re.findall(r"pip install [^&\n]*", dockerfile):
        assert "--require-hashes" in command or "--no-deps --no-build-isolation" in command
