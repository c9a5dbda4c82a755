"""The raw files of one observation: from what ingest knows of them to calibrated frames."""
