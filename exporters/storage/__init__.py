"""Exporter of the volumes that hold recordings: size, fill, ingest, time until full, read-only."""
