"""Programs of developers, outside of the installed packages: benchmarks, kill matrix, target matrix, repeatability."""
