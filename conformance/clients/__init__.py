"""Bounded clients: httpx for REST, websockets for sockets. Every wait ends, everything is recorded."""
