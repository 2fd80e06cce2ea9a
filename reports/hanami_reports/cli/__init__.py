"""The commands of hanami-reports; hanami-conformance offers some of them, too."""
