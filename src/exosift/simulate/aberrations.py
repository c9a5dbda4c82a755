"""The slow aberrations of an instrument: what stays, what drifts, and what is out of the pupil."""

import numpy as np

from exosift.simulate.optics import Fields
from exosift.simulate.scene import Simulation
from exosift.simulate.wavefront import (
    amplitudes,
    drift,
    frequencies,
    out_of_pupil,
    power_law,
    screens,
)
from exosift.types import Floats


def aberrations(
    simulation: Simulation, pupil: Floats, elapsed: Floats, rng: np.random.Generator
) -> tuple[Floats, Fields]:
    """Paths [nm] of what stays plus what drifts (time, v, u), and of what stays out of the pupil's
    plane (wavelength, v, u), complex.

    elapsed (time,) [s], ascending, of every frame.
    """
    instrument = np.random.default_rng(simulation.instrument_seed)
    own, shared = np.sqrt([1 - simulation.common, simulation.common])
    spectrum = power_law(frequencies(len(pupil)), simulation.aberration_slope)
    unit = amplitudes(spectrum, 1.0, pupil)
    static = own * screens(unit, pupil, 1, rng) + shared * screens(unit, pupil, 1, instrument)
    innovations = simulation.drifting_rms * screens(unit, pupil, len(elapsed), rng)
    drifting = drift(innovations, np.exp(-np.diff(elapsed) / simulation.correlation_time))
    distance = simulation.out_of_pupil_distance / simulation.diameter**2
    fresnel = [1e-3 * wavelength * distance for wavelength in simulation.wavelengths]
    beyond = own * out_of_pupil(unit, pupil, fresnel, rng)
    beyond = beyond + shared * out_of_pupil(unit, pupil, fresnel, instrument)
    return simulation.static_rms * static + drifting, simulation.out_of_pupil_rms * beyond
