"""Speed of the reference backend, as ratios to what the same machine can do at best in the same minute.

Run it with ``python -m tools.bench``. One module for each measurement; :mod:`tools.bench.benchmarks` lists them.
"""
