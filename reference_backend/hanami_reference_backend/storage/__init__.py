"""Uploads and datasets in memory: received intervals, parsers of CSV and IDX, dataset content."""
