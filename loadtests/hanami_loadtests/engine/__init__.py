"""Load generation apart from Locust: sockets, schedules, clocks, and the recording of answers.

Nothing in here imports Locust, so that all of it can be tested in a process that is not patched.
"""
