"""exosift: from raw high-contrast-imaging exposures to trustworthy exoplanet candidates."""

__version__ = "0.1.0"
