"""Results of load runs: histograms of time, what came of each type of message, and how a run is judged."""
