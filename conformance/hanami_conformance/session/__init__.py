"""A run of pytest: plugin, order of the cases, progress, classification of outcomes, result."""

SEVERAL_PROCESSES = (
    "pytest-xdist cannot spread the cases beside other tests, since they share one limit of connections: run the suite"
    " in a session of its own, as in pytest -n 2 --pyargs hanami_conformance, or add -n 0"
)
