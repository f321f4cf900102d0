"""Footage of a camera handed out: original segments, a film that plays, and a manifest that says what is missing and why."""
