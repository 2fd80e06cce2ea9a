"""The server under test as a peer: accounts, login, dialect detection, capabilities, attaching a socket."""
