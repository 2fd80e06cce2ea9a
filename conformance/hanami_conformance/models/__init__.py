"""Oracles in numpy: the content and the answers of a correct server, computed without any server."""
