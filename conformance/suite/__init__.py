"""The tests that are run against a target: one file a step of the protocol, one test a statement of it."""
