"""Supervised detection: what tells companions from speckles is learned from labelled patches."""
