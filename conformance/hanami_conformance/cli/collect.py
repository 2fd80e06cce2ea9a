"""The cases of the suite, collected by a silent pytest session that runs none."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping

import pytest

from hanami_conformance.session import plugin
from hanami_conformance.session.collection import PYTEST_INI, CollectedCase, suite_cases
from hanami_conformance.suite import SUITE


class CollectError(Exception):
    """The suite cannot be collected."""


class _Collector:
    """Plugin of a pytest session that collects the cases and runs none."""

    def __init__(self) -> None:
        self.cases: Mapping[str, CollectedCase] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep all cases."""
        self.cases = suite_cases(session)


def collected_cases() -> Mapping[str, CollectedCase]:
    """Return all cases of the suite, collected by a silent pytest session.

    Raises:
        CollectError: If the collection failed.
    """
    collector = _Collector()
    command = ["-c", str(PYTEST_INI), "--rootdir", str(SUITE), "-p", "no:cacheprovider"]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), plain_environment():
        status = pytest.main([*command, "--collect-only", "-q", str(SUITE)], plugins=[plugin, collector])
    if status != pytest.ExitCode.OK or not collector.cases:
        raise CollectError(f"the suite cannot be collected:\n{output.getvalue()}")
    return collector.cases


@contextlib.contextmanager
def plain_environment() -> Iterator[None]:
    """Keep out plugins and settings of the environment: they are for other tests, and may reorder or rerun ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
            patch.delenv(name, raising=False)
        yield
