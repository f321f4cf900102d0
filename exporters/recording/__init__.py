"""Exporter of what is on the disk for each camera: newest and oldest instant, age of the last write, bytes, segments."""
