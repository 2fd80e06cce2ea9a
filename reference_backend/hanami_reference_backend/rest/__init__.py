"""The REST side of the server: one class for each group of operations, and the steps that all of them share."""
