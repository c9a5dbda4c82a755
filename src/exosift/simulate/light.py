"""The light of a star and its companions on a detector, at given times and places, without noise.

Frames need not follow each other evenly: the star may be elsewhere in each, on or off the
coronagraph, and now and then the adaptive optics or the guiding fail.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from exosift import threads
from exosift.simulate.aberrations import aberrations
from exosift.simulate.exposure import channel, expose
from exosift.simulate.optics import focal_plane, telescope_pupil
from exosift.simulate.scene import Simulation
from exosift.simulate.wavefront import adaptive_optics, amplitudes, frequencies, screens
from exosift.types import Floats


@dataclass(frozen=True, eq=False)
class Pointing:
    """How frames are taken: each (time,) or (time, 2) = (x, y) [px].

    elapsed [s], ascending; axis (time, 2), the coronagraph's on the detector; sources (source,
    time, 2) from the axis, the star first; leakage, share of the light that passes the coronagraph,
    1 where it is out; blur, by how much the residuals of the adaptive optics exceed the usual ones;
    arriving, share of the light that arrives.
    """

    elapsed: Floats
    axis: Floats
    sources: Floats
    leakage: Floats
    blur: Floats
    arriving: Floats


def light(
    scene: Simulation,
    size: int,
    pointing: Pointing,
    fluxes: Floats,
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> tuple[Floats, Floats]:
    """Frames (time, y, x) of `size` px and the PSFs off the coronagraph (time, y, x), float32.

    All in shares of the star's light; fluxes (source,) in units of it, the star's first. Frames
    of one rng are the same on any number of threads. `progress(done, of)` is told of the frames.
    """
    pupil = telescope_pupil(scene.pupil_pixels, scene.obstruction, scene.spider)
    slow, beyond = aberrations(scene, pupil, pointing.elapsed, rng)
    spectrum = adaptive_optics(frequencies(len(pupil)), scene.control_radius)
    residual = amplitudes(spectrum, scene.residual_rms, pupil)
    # Rounding to 1e-7 of an amplitude is far below the photons' noise, and half the work.
    seen = channel(scene, scene.wavelength, beyond[0].astype(np.complex64), fluxes)
    frames = len(pointing.elapsed)
    generators = rng.spawn(frames)

    def work(frame: int) -> tuple[Floats, Floats]:
        plane = focal_plane(len(pupil), (size, size), tuple(pointing.axis[frame]), seen.step)
        here = replace(seen, detector=plane.single(), leakage=float(pointing.leakage[frame]))
        fast = screens(residual, pupil, scene.residual_screens, generators[frame])
        path = (slow[frame] + pointing.blur[frame] * fast).astype(np.float32)
        places = pointing.sources[:, frame]
        both = expose(path, pupil.astype(np.float32), places, here)
        arrived, psf = (pointing.arriving[frame] * one.astype(np.float32) for one in both)
        return arrived, psf

    done: list[tuple[Floats, Floats]] = []
    for block in threads.blocks(frames, threads.budget()):
        done += threads.over(work, range(frames)[block])
        progress(len(done), frames)
    images, psfs = zip(*done, strict=True)
    return np.stack(images), np.stack(psfs)
