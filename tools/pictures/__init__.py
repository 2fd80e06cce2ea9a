"""The pictures of the documentation, drawn from real runs."""
