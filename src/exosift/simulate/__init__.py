"""Sequences made from known skies: optics, wavefronts, field rotation, noise."""
