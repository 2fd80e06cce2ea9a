"""Build sdist and wheel, and check what is in them: ``python -m tools.dist [FOLDER]``."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "hanami_conformance",
    "hanami_loadtests",
    "hanami_proto",
    "hanami_reference_backend",
    "hanami_reports",
)
# One file of each kind that is no Python, and that a package cannot do without.
DATA = (
    "hanami_conformance/catalogue/explanations.toml",
    "hanami_conformance/catalogue/requirements.toml",
    "hanami_conformance/data/digits-images.idx3-ubyte.gz",
    "hanami_conformance/py.typed",
    "hanami_conformance/session/pytest.ini",
    "hanami_loadtests/limits.toml",
    "hanami_proto/brick.proto",
    "hanami_proto/dialects/documented.toml",
    "hanami_reports/model/schemas/peak.schema.json",
    "hanami_reports/model/schemas/result.schema.json",
    "hanami_reports/templates/base.css",
    "hanami_reports/templates/conformance.html.j2",
    "hanami_reports/vendor/echarts/echarts.min.js",
)
ECHARTS = "reports/hanami_reports/vendor/echarts"
LICENSES = ("LICENSE", f"{ECHARTS}/LICENSE", f"{ECHARTS}/LICENSE-d3", f"{ECHARTS}/NOTICE")
# Of the sdist, from which everything can be built and tested again.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "tests/protocol/test_layers.py", "tools/dist.py")
# What an sdist may hold at its top: no settings of a developer, which may hold passwords, and no output of runs.
TOP = {
    *(".ci", ".editorconfig", ".github", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md"),
    *(
        "LICENSE",
        "Makefile",
        "PKG-INFO",
        "README.md",
        "SECURITY.md",
        "action.yml",
        "conformance",
        "constraints.txt",
        "docs",
        "examples",
        "loadtests",
        "mkdocs.yml",
    ),
    *("proto", "pyproject.toml", "reference_backend", "reports", "tests", "tools", "tox.ini"),
}
PACKAGE_FOLDER = "reports/hanami_reports/"
BUILD_SECONDS = 600.0


class DistError(Exception):
    """A distribution is not as it should be; the message is one line for people."""


def build(folder: Path) -> tuple[Path, Path]:
    """Build both distributions.

    Args:
        folder: Where they go; distributions that are there already are removed first.

    Returns:
        The paths of the sdist and of the wheel.

    Raises:
        DistError: If the build failed.
    """
    folder = folder.resolve()
    for old in _archives(folder):
        old.unlink()
    _run("the build", [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)])
    built = _archives(folder)
    if len(built) != 2:
        raise DistError(f"the build left {len(built)} files in {folder}, not an sdist and a wheel")
    return built[0], built[1]


def _archives(folder: Path) -> list[Path]:
    return [*folder.glob("hanami_conformance-*.tar.gz"), *folder.glob("hanami_conformance-*.whl")]


def check_wheel(names: Sequence[str]) -> None:
    """Check which files a wheel holds: the packages with their data and licences, and nothing else.

    Args:
        names: Paths in the wheel.

    Raises:
        DistError: If a file is missing, or does not belong there.
    """
    metadata = next((name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info")), "")
    foreign = [name for name in names if name.split("/")[0] not in (*PACKAGES, metadata)]
    needed = [*DATA, *(f"{metadata}/licenses/{name}" for name in LICENSES)]
    _judge("the wheel", foreign, [name for name in needed if name not in names])


def check_sdist(names: Sequence[str]) -> None:
    """Check that an sdist holds what the wheel is built from and how it is tested, and no output of runs.

    Args:
        names: Paths in the sdist.

    Raises:
        DistError: If a file is missing, or does not belong there.
    """
    inside = [name.partition("/")[2] for name in names]
    foreign = [name for name in inside if name.split("/")[0] not in TOP or "__pycache__" in name]
    foreign += [name for name in inside if name.startswith("reports/") and not name.startswith(PACKAGE_FOLDER)]
    _judge("the sdist", foreign, [name for name in SOURCES if name not in inside])


def _judge(what: str, foreign: Sequence[str], lacking: Sequence[str]) -> None:
    if foreign:
        raise DistError(f"{what} holds what does not belong there: {', '.join(foreign)}")
    if lacking:
        raise DistError(f"{what} lacks {', '.join(lacking)}")


def _run(what: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise DistError(f"{what} did not end within {BUILD_SECONDS:g} s") from error
    if done.returncode:
        raise DistError(f"{what} failed with status {done.returncode}:\n{done.stdout}{done.stderr}")


def _summary(names: Iterable[str], path: Path) -> str:
    counts = Counter(name.split("/")[0] for name in names)
    inside = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{path.name}  {path.stat().st_size / 1e6:.2f} MB  files: {inside}"


def main(argv: Sequence[str]) -> int:
    """Build and check; the exit status is 0, or 1 where something is wrong."""
    folder = Path(argv[0]) if argv else ROOT / "dist"
    try:
        sdist, wheel = build(folder)
        with zipfile.ZipFile(wheel) as archive:
            in_wheel = [name for name in archive.namelist() if not name.endswith("/")]
        with tarfile.open(sdist) as tar:
            in_sdist = [member.name for member in tar.getmembers() if member.isfile()]
        check_wheel(in_wheel)
        check_sdist(in_sdist)
        _run("twine check", [sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel)])
    except DistError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print(_summary(in_wheel, wheel))
    print(_summary((name.partition("/")[2] for name in in_sdist), sdist))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
