"""Every classifier of patches."""

from exosift.learn.forest import Boosted, Forest
from exosift.learn.network import Cnn2d, Cnn3d, ConvLstm

AnyClassifier = Forest | Boosted | ConvLstm | Cnn3d | Cnn2d
"""Every classifier's parameters: SODIRF, boosted trees, SODINN and its lighter kin."""
