"""The client kill matrix: which faulty variants of the example client ``hanami-conformance client`` detects."""
