"""The report: what a run found, what it could not do and why, on one page."""
