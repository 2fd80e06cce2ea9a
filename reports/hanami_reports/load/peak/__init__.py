"""Reports of a capacity search."""
