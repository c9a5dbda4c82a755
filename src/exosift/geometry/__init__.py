"""Where things are: grids, regions, rotations, shifts. Pure functions on arrays."""
