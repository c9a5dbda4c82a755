"""From an image to candidates: S/N, significance, peaks. Pure functions on arrays."""
