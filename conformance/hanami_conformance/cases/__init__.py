"""What one case leaves behind: its recording, checks, attribution, failures, and the sequence of steps as data."""
