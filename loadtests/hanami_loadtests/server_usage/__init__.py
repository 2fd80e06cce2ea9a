"""What a server on this machine uses under load, sampled by a process of its own."""
