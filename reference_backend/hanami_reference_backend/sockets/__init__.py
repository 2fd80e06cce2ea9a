"""The websocket side of the server: attaching, and a session for each of the two targets."""
