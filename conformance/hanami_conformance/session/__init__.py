"""A run of pytest: plugin, order of the cases, progress, classification of outcomes, result."""

SEVERAL_PROCESSES = "the cases run in one process, since several would exceed the limit of connections: add -n 0"
