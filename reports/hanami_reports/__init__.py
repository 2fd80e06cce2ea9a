"""Results of runs: their model, their JSON form, and the reports that are made from them."""
