"""What makes load, apart from Locust: sockets, schedules, clocks, and the record of what came.

Nothing in here imports Locust, so that all of it can be tested in a process that is not patched.
"""
