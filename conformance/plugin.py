"""The pytest plugin: options and markers. The run itself is in :mod:`conformance.run`, loaded only for the suite.

Installed by an entry point, so it must cost nothing in a pytest session that has nothing to do with the suite.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.workshop import Workshop

SUITE = Path(__file__).parent / "suite"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    from conformance.options import OPTIONS  # noqa: PLC0415

    group = parser.getgroup("hanami", "Hanami conformance")
    for option in OPTIONS:
        group.addoption(option.flag, **option.arguments())
    group.addoption("--hanami-console", action="store_true", default=False, help="(set by hanami-conformance run)")


@pytest.hookimpl(trylast=True)  # after pytest has its terminal reporter, which the console command mutes
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and begin a run that the console command asked for."""
    config.addinivalue_line("markers", "statement(*ids): statements of the protocol that a test checks")
    config.addinivalue_line("markers", "blames(*ids): more statements that a test can find broken, but not kept")
    config.addinivalue_line("markers", "hostile: sends what may end a fragile server, so it runs last")
    config.addinivalue_line("markers", "destructive: known to end fragile servers, so it must be allowed")
    if config.getoption("hanami_console"):
        from conformance.run import begin_run  # noqa: PLC0415

        begin_run(config)


@pytest.fixture
def hanami_workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """For tests of one's own, such as ``hanami-conformance replay FILE --as-pytest`` prints.

    Makes uploads and clusters on the target of the options, and deletes them; what went over the wire is printed, which
    pytest shows with a failure.
    """
    from conformance.own_tests import workshop_of  # noqa: PLC0415

    yield from workshop_of(request.config)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Begin a run where tests of the suite were collected; select and order what other selections left."""
    ours = any(SUITE in item.path.parents for item in items)
    if not ours and not config.getoption("hanami_console"):
        yield
        return
    from conformance.run import begin_run, in_order  # noqa: PLC0415

    run = begin_run(config)
    yield
    run.select(items)
    in_order(items)
