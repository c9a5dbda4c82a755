"""Inverse methods: the flux that a companion at each place would need to explain the frames."""
