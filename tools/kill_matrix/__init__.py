"""The kill matrix: which injected faults the suite detects, and with which tests."""
