"""The server as a process where the suite starts it: start-up, liveness, crash recovery."""
