"""Exporter of the archive's promises: coverage, floor and ceiling by camera, and what keeper and ledger of the host say."""
