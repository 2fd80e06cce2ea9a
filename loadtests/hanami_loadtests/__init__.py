"""Load and speed measurements of Hanami servers, on the protocol data of :mod:`proto`."""
