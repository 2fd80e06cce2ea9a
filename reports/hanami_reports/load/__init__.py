"""Reports of a load run: page, tables, charts, and the comparison of two sets of runs."""
