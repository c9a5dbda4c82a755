"""Wavefront screens: random optical paths with a given spectrum, fast, static or drifting.

A spectrum is a power-spectral density on the frequencies of a grid twice as wide as the pupil, so
that opposite edges of the pupil are not neighbours. Piston, tip and tilt are taken out over the
pupil: pointing is a parameter of its own.
"""

from collections.abc import Sequence as Several

import numpy as np
import scipy.fft

from exosift.simulate.optics import Fields, pupil_axis
from exosift.types import Floats


def frequencies(pixels: int) -> Floats:
    """Spatial frequencies [cycles per diameter] of the (2 pixels, 2 pixels) screen grid."""
    axis = np.fft.fftfreq(2 * pixels, 1 / pixels)
    return np.asarray(np.hypot(axis[None, :], axis[:, None]))


def power_law(frequency: Floats, slope: float) -> Floats:
    """Spectrum f^slope of polished optics (Church 1988, Appl. Opt. 27, 1518); none at f = 0."""
    return np.asarray(np.where(frequency > 0, frequency, np.inf) ** slope)


def adaptive_optics(frequency: Floats, control_radius: float) -> Floats:
    """Residuals of adaptive optics (Rigaut et al. 1998, SPIE 3353, 1038): f^-5/3, then f^-11/3.

    Below `control_radius` [cycles per diameter] the loop's lag leaves the turbulence times f²;
    beyond, the fitting error is the turbulence itself. The two meet at the control radius.
    """
    lag = np.minimum(frequency / control_radius, 1) ** 2
    return np.asarray(power_law(frequency, -11 / 3) * lag)


def amplitudes(spectrum: Floats, rms: float, pupil: Floats) -> Floats:
    """Amplitude [nm] of every Fourier mode such that screens have `rms` [nm] over the pupil.

    The rms is that of the ensemble, piston, tip and tilt removed: each mode counts for what is left
    of it after their removal. spectrum (2n, 2n), pupil (n, n); result (2n, 2n).
    """
    removed = scipy.fft.fft2(_rigid_modes(pupil) * pupil, s=spectrum.shape) / pupil.sum()
    left = 1 - np.sum(np.abs(removed) ** 2, axis=0)
    return np.asarray(rms * np.sqrt(spectrum / np.sum(spectrum * left)))


def screens(amplitude: Floats, pupil: Floats, count: int, rng: np.random.Generator) -> Floats:
    """`count` independent Gaussian screens (count, v, u) [nm] with Fourier modes of `amplitude`.

    One transform of complex white noise gives two screens, its real and its imaginary part.
    """
    pairs, side, n = (count + 1) // 2, len(amplitude), len(pupil)
    noise = rng.standard_normal((pairs, side, side, 2)).view(np.complex128)[..., 0]
    waves = scipy.fft.ifft2(noise * amplitude, norm="forward", overwrite_x=True)[:, :n, :n]
    return without_rigid_modes(np.concatenate([waves.real, waves.imag])[:count], pupil)


def out_of_pupil(
    amplitude: Floats, pupil: Floats, fresnel: Several[float], rng: np.random.Generator
) -> Fields:
    """Complex paths (wavelength, v, u) [nm] in the pupil, of one screen that is not in its plane.

    Over a distance z a ripple W of frequency f becomes W exp(−iπλzf²) to first order, phase turned
    into amplitude and back: the Talbot effect (Goodman 2005, Introduction to Fourier Optics, 4.2.3;
    in imagers like these, Marois, Phillion & Macintosh 2006, SPIE 6269). The real part is a path,
    and exp(−2π/λ × the imaginary part) an amplitude.

    amplitude [nm] of the Fourier modes (2n, 2n); fresnel, λz/D² of each wavelength.
    """
    noise = rng.standard_normal(amplitude.shape)
    modes = scipy.fft.fft2(noise, norm="ortho") * amplitude
    squared, n = frequencies(len(pupil)) ** 2, len(pupil)
    ratios = np.reshape(fresnel, (-1, 1, 1))
    waves = scipy.fft.ifft2(modes * np.exp(-1j * np.pi * ratios * squared), norm="forward")
    seen = waves[:, :n, :n]
    return np.asarray(without_rigid_modes(seen.real, pupil) + 1j * seen.imag)


def drift(innovations: Floats, correlation: Floats | float) -> Floats:
    """Stationary Ornstein-Uhlenbeck process (Uhlenbeck & Ornstein 1930) along the first axis.

    Each value is `correlation` times the one before plus as much of its own innovation as keeps the
    variance. innovations (time, ...), independent and of equal variance; correlation of every time
    after the first with the one before (time − 1,), or one for all.
    """
    path = [innovations[0]]
    steps = np.broadcast_to(correlation, len(innovations) - 1)
    for innovation, step in zip(innovations[1:], steps, strict=True):
        path.append(step * path[-1] + np.sqrt(1 - step**2) * innovation)
    return np.stack(path)


def without_rigid_modes(opd: Floats, pupil: Floats) -> Floats:
    """Screens (count, v, u) less their piston, tip and tilt over the pupil."""
    modes = _rigid_modes(pupil)
    weights = np.tensordot(opd, modes * pupil, axes=((1, 2), (1, 2))) / pupil.sum()
    return np.asarray(opd - np.tensordot(weights, modes, axes=1))


def _rigid_modes(pupil: Floats) -> Floats:
    """Piston, tip and tilt (3, v, u), orthonormal under the mean over the pupil."""
    axis = pupil_axis(len(pupil))
    v, u = np.meshgrid(axis, axis, indexing="ij")
    modes = np.stack([np.ones_like(u), u, v])
    gram = np.tensordot(modes * pupil, modes, axes=((1, 2), (1, 2))) / pupil.sum()
    return np.asarray(np.tensordot(np.linalg.inv(np.linalg.cholesky(gram)), modes, axes=1))
