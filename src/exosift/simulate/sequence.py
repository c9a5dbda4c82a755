"""A simulated sequence: the exposures of a scene through the optics, and the detector's noise.

Each frame averages the intensities of several independent residual screens of the adaptive optics
on top of aberrations that stay or drift, so its speckles are quasi-static on a smooth halo. The
screens, and whatever else is random in a frame, come from the frame's own generator: the result
does not depend on the number of threads.
"""

from collections.abc import Callable
from collections.abc import Sequence as Several

import numpy as np

from exosift import threads
from exosift.geometry.grid import raw_offset
from exosift.photometry.psf import normalised_psf
from exosift.simulate.aberrations import aberrations
from exosift.simulate.exposure import channel, detect, expose
from exosift.simulate.field import SIDEREAL_HOUR, parallactic_angle
from exosift.simulate.optics import telescope_pupil
from exosift.simulate.scene import InjectedCompanion, Simulated, Simulation
from exosift.simulate.spectra import contrasts
from exosift.simulate.wavefront import (
    adaptive_optics,
    amplitudes,
    frequencies,
    screens,
)
from exosift.types import Floats


def _silent(done: int, of: int) -> None:
    """Tell nobody."""


def simulate(
    simulation: Simulation,
    companions: Several[InjectedCompanion],
    rng: np.random.Generator,
    progress: Callable[[int, int], None] = _silent,
) -> Simulated:
    """Pupil-tracking sequence of a star and its companions behind a coronagraph.

    Companions are incoherent with the star and see the same screens; the field does not turn
    within a frame. Everything random comes from `rng`, but for what stars share with the same
    `instrument_seed`; two skies under the same `rng` have the same speckles. `progress(done, of)`
    is told of the frames.
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
    wavelengths = simulation.wavelengths
    each = [contrasts(one, wavelengths) for one in companions]
    contrast = np.reshape(each, (len(companions), len(wavelengths)))
    elapsed = SIDEREAL_HOUR * (hour_angle - hour_angle[0])
    cube, psf = _exposures(simulation, elapsed, sources, contrast, rng, progress)
    axis = (simulation.size - 1) / 2 + np.array([simulation.decentring_x, simulation.decentring_y])
    measured = [normalised_psf(one) for one in psf]
    return Simulated(
        cube=cube,
        wavelength=np.array(wavelengths),
        angle=angle,
        elapsed=elapsed,
        psf=psf,
        fwhm=tuple(fwhm for _, fwhm, _ in measured),
        star_flux=tuple(flux for _, _, flux in measured),
        star=axis + sources[0],
        companions=axis + sources[1:],
        contrast=contrast,
    )


def _exposures(
    simulation: Simulation,
    elapsed: Floats,
    sources: Floats,
    contrast: Floats,
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> tuple[Floats, Floats]:
    """Noisy frames (wavelength, time, y, x) and the noise-free mean PSFs (wavelength, y, x).

    elapsed (time,) [s]; sources (source, time, 2) is (x, y) [px] from the coronagraph's axis, the
    star first; contrast is (companion, wavelength).
    """
    pupil = telescope_pupil(simulation.pupil_pixels, simulation.obstruction, simulation.spider)
    # Many channels cost as many times more, and rounding to 1e-7 of an amplitude, 1e-4 of a speckle
    # of 1e-6, is far below the photons' noise.
    real, complex_ = (np.float32, np.complex64) if simulation.channels > 1 else (float, complex)
    slow, beyond = aberrations(simulation, pupil, elapsed, rng)
    spectrum = adaptive_optics(frequencies(len(pupil)), simulation.control_radius)
    residual = amplitudes(spectrum, simulation.residual_rms, pupil)
    channels = [
        channel(simulation, wavelength, path.astype(complex_), np.array([1.0, *fluxes]))
        for wavelength, path, fluxes in zip(simulation.wavelengths, beyond, contrast.T, strict=True)
    ]
    generators = rng.spawn(simulation.frames)

    def work(frame: int) -> tuple[Floats, Floats]:
        fast = screens(residual, pupil, simulation.residual_screens, generators[frame])
        path = (slow[frame] + fast).astype(real)
        frames, psfs = [], []
        for one in channels:
            light, psf = expose(path, pupil.astype(real), sources[:, frame], one)
            electrons = simulation.star_electrons * light
            frames.append(detect(electrons, simulation, generators[frame]))
            psfs.append(simulation.star_electrons * psf)
        return np.stack(frames), np.stack(psfs)

    done: list[tuple[Floats, Floats]] = []
    for block in threads.blocks(simulation.frames, threads.budget()):
        done += threads.over(work, range(simulation.frames)[block])
        progress(len(done), simulation.frames)
    cube, psfs = zip(*done, strict=True)
    return np.stack(cube, axis=1), np.mean(psfs, axis=0, dtype=float)
