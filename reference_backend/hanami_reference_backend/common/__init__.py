"""Building blocks: errors, strict JSON, limits, and the source of ids and times."""
