"""One exposure: a wavefront imaged in every channel through the coronagraph, and detected.

A channel is one wavelength. The optical path is the same at all of them, so a frame's screens serve
every channel.
"""

from dataclasses import dataclass

import numpy as np

from exosift.simulate.optics import (
    Fields,
    FocalPlane,
    diffraction_scale,
    focal_plane,
    image,
    perfect_coronagraph,
    pupil_field,
    tilt,
)
from exosift.simulate.scene import Simulation
from exosift.types import Floats


@dataclass(frozen=True, eq=False)
class Channel:
    """What an exposure needs of one wavelength.

    `wavelength` [µm]; `step`, a pixel [λ/D]; the focal planes of the `detector` behind the
    coronagraph and of the PSF `off_axis`; `beyond` (v, u) [nm], the complex path of what is out of
    the pupil's plane; `fluxes` (source,), the star's first, in units of it; `leakage`, the share of
    the light that passes the coronagraph untouched.
    """

    wavelength: float
    step: float
    detector: FocalPlane
    off_axis: FocalPlane
    beyond: Fields
    fluxes: Floats
    leakage: float


def channel(simulation: Simulation, wavelength: float, beyond: Fields, fluxes: Floats) -> Channel:
    """The channel of a scene at `wavelength` [µm]: detector decentred, PSF centred.

    Everything is of the precision of `beyond`.
    """
    step = simulation.pixel_scale / diffraction_scale(wavelength, simulation.diameter)
    size, psf_size = simulation.size, simulation.psf_size
    axis = (size - 1) / 2 + simulation.decentring_x, (size - 1) / 2 + simulation.decentring_y
    centre = (psf_size - 1) / 2, (psf_size - 1) / 2
    pixels = simulation.pupil_pixels
    planes = (
        focal_plane(pixels, (size, size), axis, step),
        focal_plane(pixels, (psf_size, psf_size), centre, step),
    )
    kind = beyond.dtype
    detector, off_axis = (
        FocalPlane(plane.columns.astype(kind), plane.rows.astype(kind)) for plane in planes
    )
    return Channel(wavelength, step, detector, off_axis, beyond, fluxes, simulation.leakage)


def expose(path: Floats, pupil: Floats, places: Floats, seen: Channel) -> tuple[Floats, Floats]:
    """Light on the detector (y, x) and the PSF off axis (y, x), in units of the star's.

    path (screen, v, u) [nm], whose intensities are averaged; pupil (v, u); places (source, 2) =
    (x, y) [px] from the coronagraph's axis, the star first. Sources are incoherent.
    """
    field = pupil_field(pupil, path + seen.beyond, seen.wavelength)
    light = np.zeros((len(seen.detector.rows), seen.detector.columns.shape[1]))
    for (x, y), flux in zip(places * seen.step, seen.fluxes, strict=True):
        tilted = field * tilt(len(pupil), (x, y)).astype(field.dtype)
        if seen.leakage < 1:
            dimmed = perfect_coronagraph(tilted, pupil)
            light += flux * (1 - seen.leakage) * image(dimmed, seen.detector).mean(axis=0)
        if seen.leakage > 0:
            light += flux * seen.leakage * image(tilted, seen.detector).mean(axis=0)
    return light, image(field, seen.off_axis).mean(axis=0)


def detect(expected: Floats, simulation: Simulation, rng: np.random.Generator) -> Floats:
    """Electrons (y, x) float32 counted where `expected` fall on the background, less its mean."""
    read = simulation.read_noise * rng.standard_normal(expected.shape)
    counted = rng.poisson(expected + simulation.background)
    return np.asarray(counted - simulation.background + read, dtype=np.float32)
