"""What the user says: the table of options, their sources, and the checked result."""
