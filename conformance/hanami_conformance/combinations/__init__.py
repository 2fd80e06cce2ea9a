"""The input model: what can vary in each workflow, as data, and the rows of values that together cover every pair."""
