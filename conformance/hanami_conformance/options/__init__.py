"""Options of the user: their table, their sources, and the checked result."""
