"""The commands of hanami-conformance."""
