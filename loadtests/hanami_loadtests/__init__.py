"""Load tests of Hanami servers in Locust: scenarios, limits, results."""
