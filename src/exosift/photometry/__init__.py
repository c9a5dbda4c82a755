"""Light in apertures and PSFs. Pure functions on arrays."""
