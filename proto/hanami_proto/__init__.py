"""The Hanami protocol as data: message schemas, generated modules, and the dialects that servers speak.

This is the lowest package: it imports none of the others.
"""
