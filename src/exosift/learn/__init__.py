"""Supervised detection: multi-level residuals as samples, classifiers, and their maps."""
