"""Reports of a conformance run, and the comparison of two."""
