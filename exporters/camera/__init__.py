"""Exporter of the health of cameras: what they answer, what the recorder receives, what reaches the disk, and whether
the picture lives."""
