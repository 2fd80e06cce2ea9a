"""REST interface: one class for each group of operations, and the steps that they share."""
