"""A run of pytest: plugin, order of the cases, progress, classification of outcomes, result."""
