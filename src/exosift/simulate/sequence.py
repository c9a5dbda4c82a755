"""A simulated sequence: the exposures of a scene through the optics, and the detector's noise.

Each frame averages the intensities of several independent residual screens of the adaptive optics
on top of aberrations that stay or drift, so its speckles are quasi-static on a smooth halo. The
screens, and whatever else is random in a frame, come from the frame's own generator: the result
does not depend on the number of threads.
"""

from collections.abc import Sequence as Several

import numpy as np

from exosift.geometry.grid import raw_offset
from exosift.photometry.psf import normalised_psf
from exosift.simulate.field import SIDEREAL_HOUR, parallactic_angle
from exosift.simulate.optics import (
    FocalPlane,
    diffraction_scale,
    focal_plane,
    image,
    perfect_coronagraph,
    pupil_field,
    telescope_pupil,
    tilt,
)
from exosift.simulate.scene import InjectedCompanion, Simulated, Simulation
from exosift.simulate.wavefront import (
    adaptive_optics,
    amplitudes,
    drift,
    frequencies,
    power_law,
    screens,
)
from exosift.threads import over
from exosift.types import Floats


def simulate(
    simulation: Simulation, companions: Several[InjectedCompanion], rng: np.random.Generator
) -> Simulated:
    """Pupil-tracking sequence of a star and its companions behind a coronagraph.

    Companions are incoherent with the star and see the same screens; the field does not turn
    within a frame. Everything random comes from `rng`, and two skies under the same `rng` have the
    same speckles.
    """
    hour_angle = np.linspace(
        simulation.hour_angle_start, simulation.hour_angle_end, simulation.frames
    )
    angle = parallactic_angle(hour_angle, simulation.declination, simulation.latitude)
    star = simulation.pointing_jitter * rng.standard_normal((simulation.frames, 2))
    beside = [
        raw_offset(companion.separation / simulation.pixel_scale, companion.position_angle, angle)
        for companion in companions
    ]
    sources = star + np.stack([np.zeros_like(star), *beside])
    fluxes = np.array([1.0, *(companion.contrast for companion in companions)])
    cube, psf = _exposures(simulation, sources, fluxes, rng)
    axis = (simulation.size - 1) / 2 + np.array([simulation.decentring_x, simulation.decentring_y])
    _, fwhm, star_flux = normalised_psf(psf)
    return Simulated(
        cube=cube,
        angle=angle,
        elapsed=SIDEREAL_HOUR * (hour_angle - hour_angle[0]),
        psf=psf,
        fwhm=fwhm,
        star_flux=star_flux,
        star=axis + sources[0],
        companions=axis + sources[1:],
    )


def _exposures(
    simulation: Simulation, sources: Floats, fluxes: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Noisy frames (time, y, x) of `sources`, and the noise-free mean PSF (y, x) off axis.

    sources (source, time, 2) is (x, y) [px] from the coronagraph's axis, fluxes (source,) are in
    units of the star's.
    """
    pupil = telescope_pupil(simulation.pupil_pixels, simulation.obstruction, simulation.spider)
    step = simulation.pixel_scale / diffraction_scale(simulation.wavelength, simulation.diameter)
    detector, off_axis = _focal_planes(simulation, step)
    slow = _slow_aberrations(simulation, pupil, rng)
    frequency = frequencies(len(pupil))
    residual = amplitudes(
        adaptive_optics(frequency, simulation.control_radius), simulation.residual_rms, pupil
    )
    generators = rng.spawn(simulation.frames)

    def expose(frame: int) -> tuple[Floats, Floats]:
        generator = generators[frame]
        fast = screens(residual, pupil, simulation.residual_screens, generator)
        field = pupil_field(pupil, slow[frame] + fast, simulation.wavelength)
        light = np.zeros((simulation.size, simulation.size))
        for (x, y), flux in zip(sources[:, frame] * step, fluxes, strict=True):
            seen = perfect_coronagraph(field * tilt(len(pupil), (x, y)), pupil)
            light += flux * image(seen, detector).mean(axis=0)
        frame_electrons = _detect(simulation.star_electrons * light, simulation, generator)
        return frame_electrons, simulation.star_electrons * image(field, off_axis).mean(axis=0)

    cube, psfs = zip(*over(expose, range(simulation.frames)), strict=True)
    return np.stack(cube), np.mean(psfs, axis=0)


def _focal_planes(simulation: Simulation, step: float) -> tuple[FocalPlane, FocalPlane]:
    """The detector behind the coronagraph, decentred, and the centred image of the PSF."""
    size, psf_size = simulation.size, simulation.psf_size
    axis = (size - 1) / 2 + simulation.decentring_x, (size - 1) / 2 + simulation.decentring_y
    centre = (psf_size - 1) / 2, (psf_size - 1) / 2
    pixels = simulation.pupil_pixels
    return (
        focal_plane(pixels, (size, size), axis, step),
        focal_plane(pixels, (psf_size, psf_size), centre, step),
    )


def _slow_aberrations(simulation: Simulation, pupil: Floats, rng: np.random.Generator) -> Floats:
    """Optical path (time, v, u) [nm] of the aberrations that stay plus those that drift."""
    spectrum = power_law(frequencies(len(pupil)), simulation.aberration_slope)
    unit = amplitudes(spectrum, 1.0, pupil)
    static = simulation.static_rms * screens(unit, pupil, 1, rng)
    innovations = simulation.drifting_rms * screens(unit, pupil, simulation.frames, rng)
    hours = simulation.hour_angle_end - simulation.hour_angle_start
    interval = SIDEREAL_HOUR * hours / max(simulation.frames - 1, 1)
    return static + drift(innovations, np.exp(-interval / simulation.correlation_time))


def _detect(expected: Floats, simulation: Simulation, rng: np.random.Generator) -> Floats:
    """Electrons (y, x) float32 counted where `expected` fall on the background, less its mean."""
    read = simulation.read_noise * rng.standard_normal(expected.shape)
    counted = rng.poisson(expected + simulation.background)
    return np.asarray(counted - simulation.background + read, dtype=np.float32)
