"""Building blocks: errors, strict JSON, limits, and where ids and the clock come from."""
