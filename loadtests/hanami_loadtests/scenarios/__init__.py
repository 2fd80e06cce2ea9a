"""Scenarios of users: each is a whole workflow that verifies every answer and cleans up after itself."""
