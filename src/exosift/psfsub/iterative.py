"""What was found, put back into the frames: the sky that an iterative subtraction takes out first.

A PSF model of frames that hold a companion or a disc explains some of it away. Once an image has
been made, its positive part can be taken out of the frames before the star is modelled anew, and
so on (GreeDS: Pairet, Cantalloube & Jacques 2021, MNRAS 503, 3724, algorithm 1, at a fixed rank).
"""

import numpy as np

from exosift.geometry.resampling import Interpolation
from exosift.geometry.rotation import derotate
from exosift.types import Floats


def sky_in_frames(images: Floats, angle: Floats, derotation: Interpolation) -> Floats:
    """The positive part of North-up images (wavelength, y, x) as frames (wavelength, time, y, x).

    angle (time,) [deg] turns a frame North up; where there is no image there is no sky.
    """
    positive = np.maximum(np.nan_to_num(images), 0.0)
    shape = (len(images), len(angle), *images.shape[1:])
    frames = np.broadcast_to(positive[:, None], shape)
    return np.nan_to_num(derotate(frames, -angle, derotation))
