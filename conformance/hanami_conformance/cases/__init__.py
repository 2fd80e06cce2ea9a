"""The record of one case: recording, checks, attribution, failures, and the sequence of steps as data."""
