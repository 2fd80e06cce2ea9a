"""The pytest plugin: options, and hooks that start a run where cases of the suite are collected.

Installed by an entry point, so every pytest session of the environment loads it. In a session without our cases it
changes nothing, and loads nothing of the suite but the table of options.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from hanami_conformance.options.definitions import MOST_WORKERS, OPTIONS, WORKERS
from hanami_conformance.session import SEVERAL_PROCESSES

if TYPE_CHECKING:
    from hanami_conformance.resources.factory import ResourceFactory

PACKAGE = Path(__file__).parents[1]
MARKERS = (
    "requirement(*ids): requirements of the protocol that a test checks",
    "may_violate(*ids): more requirements that a test can find violated, without evidence for them when it passes",
    "parallel(beside=True): may run beside other cases, in a worker; all others run alone",
    "hostile: may crash a fragile server, so it runs last",
    "destructive: known to crash fragile servers, so it must be allowed",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run, and their keys in a settings file of pytest; secrets have none."""
    group = parser.getgroup("hanami", "Hanami conformance")
    for option in OPTIONS:
        group.addoption(option.pytest_flag, **option.argparse_kwargs(option.pytest_key))
        if not option.secret:
            kind: Literal["args"] | None = "args" if option.many else None
            parser.addini(option.pytest_key, f"the same as {option.pytest_flag}", type=kind)
    group.addoption("--hanami-console", action="store_true", default=False, help="(set by hanami-conformance run)")


@pytest.hookimpl
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Take over the processes of pytest-xdist (``-n``) where the suite alone runs.

    The suite has workers of its own, within one limit of connections, and with one process that judges. This hook runs
    after that of pytest-xdist, which has counted the processes, and before the session begins.
    """
    processes = getattr(config.option, "numprocesses", None)
    if processes and is_suite_alone(config):
        if config.getoption(WORKERS.pytest_key) is None:
            setattr(config.option, WORKERS.pytest_key, str(min(processes, MOST_WORKERS)))
        config.option.numprocesses, config.option.dist, config.option.tx = 0, "no", []


def is_suite_alone(config: pytest.Config) -> bool:
    """Return whether the arguments of a session name the suite, and no other tests."""
    names = [argument.partition("::")[0] for argument in config.args]
    if config.option.pyargs:
        names = [str(PACKAGE) if name.split(".")[0] == PACKAGE.name else name for name in names]
    paths = [(config.invocation_params.dir / name).resolve() for name in names]
    return bool(paths) and all(path == PACKAGE or PACKAGE in path.parents for path in paths)


@pytest.hookimpl(trylast=True)  # after pytest has its terminal reporter, which the console command silences
def pytest_configure(config: pytest.Config) -> None:
    """Start a run of the console command."""
    if config.getoption("hanami_console"):
        from hanami_conformance.session.start import start_session  # noqa: PLC0415

        start_session(config)


@pytest.fixture
def hanami_resources(request: pytest.FixtureRequest) -> Iterator[ResourceFactory]:
    """Provide a resource factory for tests of users, such as ``hanami-conformance replay FILE --as-pytest`` prints.

    It creates uploads and clusters on the target of the options, and deletes them. The exchange is printed, so pytest
    shows it with a failure.
    """
    from hanami_conformance.session.fixtures import open_resources  # noqa: PLC0415

    yield from open_resources(request.config)


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Enter the folder of the suite, whatever ``norecursedirs`` says; ``--ignore`` still applies."""
    if collection_path not in (PACKAGE, PACKAGE / "suite"):
        return None
    return None if config.getoption("ignore") or config.getoption("ignore_glob") else False


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect the cases, and nothing else of the package, whatever the settings of another project are."""
    collected = yield
    if PACKAGE not in file_path.parents:
        return collected
    from hanami_conformance.session.collection import collect_module  # noqa: PLC0415

    for marker in set(MARKERS).difference(parent.config.getini("markers")):
        parent.config.addinivalue_line("markers", marker)
    return collect_module(file_path, parent)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """End a session of pytest-xdist of which a process has collected cases.

    Raises:
        pytest.UsageError: In the first process, where it is one line.
    """
    if SEVERAL_PROCESSES in getattr(node, "workeroutput", {}):
        raise pytest.UsageError(SEVERAL_PROCESSES)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Start a run where cases of the suite were collected; select and sort what other selections left."""
    ours = any(PACKAGE in item.path.parents for item in items)
    if not ours and not config.getoption("hanami_console"):
        yield
        return
    from hanami_conformance.session.collection import sort_by_requirement  # noqa: PLC0415
    from hanami_conformance.session.start import start_session  # noqa: PLC0415

    run = start_session(config)
    yield
    run.select(items)
    sort_by_requirement(items)
