"""Speed of the reference backend, as ratios to what the same machine can do at best in the same minute.

Run it with ``python -m hanami_loadtests.bench``. One module for each measurement; :mod:`hanami_loadtests.bench.registry` lists them.
"""
