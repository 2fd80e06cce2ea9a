"""The conformance suite: a pytest plugin, the catalogue of requirements, bounded clients, models, and the tests.

Data flows one way: catalogue + dialect + target -> cases -> exchanges (recorded) -> verdicts -> result -> reports.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hanami-conformance")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
