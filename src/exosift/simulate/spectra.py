"""Spectra of companions: their contrast to the star from one channel to the next."""

from collections.abc import Sequence as Several

import numpy as np

from exosift.errors import BadInput
from exosift.simulate.scene import InjectedCompanion
from exosift.types import Floats

_RANGE = (0.95, 1.65)  # of the description of a T dwarf [µm]

# A T dwarf shines through the windows between its bands of water (1.15, 1.4 µm) and methane (1.15,
# 1.35, from 1.6 µm): a window's height, where it opens and how fast, where it closes and how fast.
_WINDOWS = (
    (1.00, 1.033, 0.043, 1.101, 0.012),
    (1.03, 1.201, 0.030, 1.321, 0.009),
    (0.67, 1.545, 0.040, 1.602, 0.007),
    (0.19, 1.600, 0.010, 1.665, 0.004),
)


def contrasts(companion: InjectedCompanion, wavelengths: Several[float]) -> Floats:
    """Flux of a companion in units of the star's, (wavelength,), at `wavelengths` [µm].

    Raises BadInput for a spectrum of another length, or a T dwarf where it is not described.
    """
    wavelength = np.asarray(wavelengths, dtype=float)
    if companion.spectrum == "flat":
        return np.full(wavelength.shape, companion.contrast)
    if companion.spectrum == "t-type":
        return companion.contrast * t_dwarf(wavelength)
    if len(companion.spectrum) != wavelength.size:
        raise BadInput(
            f"a spectrum of {len(companion.spectrum)} values for {wavelength.size} channels: give "
            "one a channel"
        )
    return companion.contrast * np.asarray(companion.spectrum, dtype=float)


def t_dwarf(wavelength: Floats) -> Floats:
    """F_λ of a T5 dwarf in units of its peak in J, after 2MASS J15031961+2525196.

    The standard of its type (Burgasser et al. 2006, ApJ 637, 1067), whose spectrum in the SpeX
    Prism Library (2003-05-22) this follows to 0.06 of the peak at a resolution of 30. wavelength
    [µm] within 0.95–1.65, else BadInput.
    """
    low, high = _RANGE
    if wavelength.min() < low - 1e-6 or wavelength.max() > high + 1e-6:
        raise BadInput(
            f"a t-type spectrum is described from {low} to {high} µm, not over "
            f"{wavelength.min():g} to {wavelength.max():g} µm: give its values, one a channel"
        )
    flux = np.zeros_like(wavelength)
    for height, opens, rise, closes, fall in _WINDOWS:
        rising = 1 / (1 + np.exp((opens - wavelength) / rise))
        flux += height * rising / (1 + np.exp((wavelength - closes) / fall))
    return flux
