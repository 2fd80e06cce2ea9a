"""Results of runs: of conformance and of load, their verdicts, and how they are read from files."""
