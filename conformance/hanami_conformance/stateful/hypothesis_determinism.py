"""Hypothesis without what differs from one folder or installation to the next."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

from hypothesis import configuration

LOOK = "_get_local_constants"  # the function of Hypothesis that looks for them


@contextlib.contextmanager
def no_local_constants() -> Iterator[None]:
    """Let no constants be drawn that stand in modules beside the suite.

    Hypothesis looks for them in modules that are no part of an installed package: in ours where it is installed as
    editable, in those of the user's folder, and in none otherwise. Other releases of Hypothesis may do without.
    """
    try:
        from hypothesis.internal.conjecture import providers  # noqa: PLC0415 - not in every release
        from hypothesis.internal.constants_ast import Constants  # noqa: PLC0415

        look, cache, nothing = getattr(providers, LOOK), providers.CONSTANTS_CACHE.cache, Constants()
    except (ImportError, AttributeError):
        yield
        return
    setattr(providers, LOOK, lambda: nothing)
    cache.clear()  # what may be drawn is kept in there
    try:
        yield
    finally:
        setattr(providers, LOOK, look)
        cache.clear()


@contextlib.contextmanager
def no_files() -> Iterator[None]:
    """Let Hypothesis keep its tables of characters in a folder that goes again, not in that of the user."""
    before = getattr(configuration, "__hypothesis_home_directory", None)
    with tempfile.TemporaryDirectory(prefix="hanami-hypothesis-") as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
