"""Every classifier of patches."""

from exosift.learn.forest import Boosted, Forest

AnyClassifier = Forest | Boosted
"""Every classifier's parameters."""
