"""Websocket interface: the first message, and a session for each of the two targets."""
