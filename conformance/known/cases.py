"""All cases of the suite, also those that a run leaves out: what an entry of a list can name."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest

from conformance.items import case_id, ids_of, statements_of
from conformance.plugin import SUITE
from reports.known.holding import SuiteCase


class CollectError(Exception):
    """The suite cannot be collected."""


def suite_cases(session: pytest.Session) -> dict[str, SuiteCase]:
    """All cases of the suite by their ids.

    Past the hooks by which pytest collects, since there a plugin or an option may leave tests out.

    Args:
        session: that has collected what it is to run.
    """
    cases = {}
    for path in sorted(SUITE.glob("test_*.py")):
        for item in _items(pytest.Module.from_parent(session, path=path)):
            cases[case_id(item)] = SuiteCase(statements_of(item), ids_of(item, "blames"))
    return cases


def _items(node: pytest.Collector) -> Iterator[pytest.Item]:
    for child in node.collect():
        if isinstance(child, pytest.Item):
            yield child
        elif isinstance(child, pytest.Collector):
            yield from _items(child)


class _Asker:
    """A plugin of a session that collects and runs nothing."""

    def __init__(self) -> None:
        self.cases: dict[str, SuiteCase] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Ask for all cases."""
        self.cases = suite_cases(session)


def collected_cases() -> dict[str, SuiteCase]:
    """All cases of the suite, where no session of pytest goes on: one is held for it, and says nothing.

    Raises:
        CollectError: it did not end well.
    """
    from conformance import plugin  # noqa: PLC0415 - it is handed over as an object

    asker = _Asker()
    command = ["-c", str(SUITE.parent / "pytest.ini"), "--rootdir", str(SUITE), "-p", "no:cacheprovider"]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), _plain_environment():
        status = pytest.main([*command, "--collect-only", "-q", str(SUITE)], plugins=[plugin, asker])
    if status != pytest.ExitCode.OK or not asker.cases:
        raise CollectError(f"the suite cannot be collected:\n{output.getvalue()}")
    return asker.cases


@contextlib.contextmanager
def _plain_environment() -> Iterator[None]:
    """No plugin and no setting of the folder or of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        yield
