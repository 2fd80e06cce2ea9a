"""Faults during a load run: a bad network, a server that is suspended or killed, and how long the recovery takes."""
