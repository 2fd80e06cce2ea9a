"""The client mode: a client of the protocol runs against the reference backend, and is judged by what it sends."""
