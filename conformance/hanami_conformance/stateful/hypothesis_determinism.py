"""Hypothesis made independent of the current folder and of the installation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hypothesis import configuration

from hanami_conformance.common.temporary import temporary_folder

COLLECT = "_get_local_constants"  # function of Hypothesis that collects constants from local modules


@contextlib.contextmanager
def without_local_constants() -> Iterator[None]:
    """Keep Hypothesis from drawing constants of local modules.

    It collects them from modules outside installed packages: from ours in an editable install, and from those in the
    user's folder. Other releases of Hypothesis may lack this feature.
    """
    try:
        from hypothesis.internal.conjecture import providers  # noqa: PLC0415 - not in every release
        from hypothesis.internal.constants_ast import Constants  # noqa: PLC0415

        collect, cache, nothing = getattr(providers, COLLECT), providers.CONSTANTS_CACHE.cache, Constants()
    except (ImportError, AttributeError):
        yield
        return
    setattr(providers, COLLECT, lambda: nothing)
    cache.clear()  # it holds the constants that may be drawn
    try:
        yield
    finally:
        setattr(providers, COLLECT, collect)
        cache.clear()


@contextlib.contextmanager
def temporary_home() -> Iterator[None]:
    """Let Hypothesis keep its character tables in a temporary folder in place of the user's."""
    before = getattr(configuration, "__hypothesis_home_directory", None)
    with temporary_folder("hanami-hypothesis-") as folder:
        configuration.set_hypothesis_home_dir(str(folder))
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
