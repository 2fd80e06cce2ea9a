"""Can the clocks be trusted? Load generators against servers whose response times are known."""
