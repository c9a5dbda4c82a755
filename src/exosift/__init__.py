"""exosift: from raw high-contrast-imaging exposures to trustworthy exoplanet candidates."""

__version__ = "0.1.0"

ALGORITHMS = 6
"""Raised with every change that changes results: what was made before is then made anew."""
