"""The Hanami protocol as data: message schemas, generated modules, and the dialects that servers speak.

The lowest package: it imports nothing of the others, and holds what the commands of all of them share.
"""
