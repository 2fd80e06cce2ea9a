"""Building blocks that know nothing of the protocol: text, redaction of secrets, signals."""
