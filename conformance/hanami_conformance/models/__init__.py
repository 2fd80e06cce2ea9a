"""Oracles in numpy: what a right server must hold and answer, computed without any server."""
