"""Companions put into the raw frames of a sequence, at sub-pixel places that turn with the sky."""

from collections.abc import Sequence as Several
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import raw_offset
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints


@dataclass(frozen=True)
class Companion:
    """A point source to put beside the star.

    `separation` [px]; `position_angle` [deg], North through East; `flux`, one value a wavelength,
    in cube units inside the 1-FWHM aperture; a negative one takes a companion out.
    """

    separation: float
    position_angle: float
    flux: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.separation < np.inf:
            raise BadInput(f"separation is {self.separation:g} px, expected 0 or more")
        for name in ("position_angle", "flux"):
            if not np.isfinite(getattr(self, name)).all():
                raise BadInput(f"{name} is {getattr(self, name)}, expected finite numbers")


@dataclass(frozen=True, eq=False)
class Track:
    """The light of a companion in raw frames: only the pixels that it falls on, each once a frame.

    frame and pixel (entry,), the latter a flat index into (y, x); light (wavelength, entry) in cube
    units. As a sparse matrix P (frame × pixel) it is what an injection adds to the frames.
    """

    frame: Ints
    pixel: Ints
    light: Floats


@dataclass(frozen=True, eq=False)
class Stamps:
    """Companions of unit flux in boxes of the raw frames.

    light (companion, wavelength, time, row, column); rows and columns (companion, time, box): where
    each box lies in its frame.
    """

    rows: Ints
    columns: Ints
    light: Floats


def inject(
    sequence: Sequence,
    companions: Several[Companion],
    transmission: float = 1.0,
    smearing: Floats | None = None,
) -> Sequence:
    """The sequence with companions added; NaN stay NaN, and the mask and all else as they are.

    See `track` for `transmission` and `smearing`, and for what is refused.
    """
    cube = sequence.cube.copy()
    frames = cube.reshape(*cube.shape[:2], -1)
    for companion in companions:
        path = track(sequence, companion, transmission, smearing)
        frames[:, path.frame, path.pixel] += path.light.astype(cube.dtype)
    return replace(sequence, cube=cube)


def track(
    sequence: Sequence,
    companion: Companion,
    transmission: float = 1.0,
    smearing: Floats | None = None,
) -> Track:
    """Where a companion at position angle θ falls, θ − angle in each raw frame, and how brightly.

    The PSF of each wavelength is shifted by an endless sinc, exact for a band-limited one, within
    a box of the template's size. `transmission` is the share of the flux that reaches the frames:
    `sequence.observation.transmission` for a flux as it would be off the coronagraph, 1 for one as
    it is seen. `smearing` (time,) [deg] is how far the sky turns during each exposure, about
    `angle`: the companion is drawn out over that arc. Raises BadInput when the companion is outside
    every frame, or fluxes or smearing do not fit the sequence.
    """
    stamps = stamped(sequence, [companion], smearing)
    (rows,), (columns,), (light,) = stamps.rows, stamps.columns, stamps.light
    height, width = sequence.cube.shape[-2:]
    inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None]
    frame, y, x = np.nonzero(inside)
    if not frame.size:
        raise BadInput(
            f"{sequence.label}: a companion at {companion.separation:g} px is outside every frame "
            f"of {width}×{height} px"
        )
    flux = transmission * np.asarray(companion.flux)
    pixel = rows[frame, y] * width + columns[frame, x]
    return Track(frame, pixel, flux[:, None] * light[:, frame, y, x])


def stamped(
    sequence: Sequence, companions: Several[Companion], smearing: Floats | None = None
) -> Stamps:
    """The boxes of companions of unit flux, also where they lie beyond the frames; see `track`."""
    turn = np.zeros(sequence.angle.shape) if smearing is None else smearing
    for companion in companions:
        _check(sequence, companion, turn)
    farthest = max(companion.separation for companion in companions)
    arc = farthest * np.radians(np.abs(turn).max(initial=0.0))
    node, share = _nodes(arc)
    angle = sequence.angle[:, None] + turn[:, None] / 2 * node
    offset = [raw_offset(one.separation, one.position_angle, angle) for one in companions]
    place = np.asarray(sequence.observation.star) + np.stack(offset)
    middle = np.rint((place.min(axis=2) + place.max(axis=2)) / 2)
    reach = sequence.psf.shape[-1] // 2 + int(np.ceil(arc / 2))
    box = np.arange(-reach, reach + 1)
    beside = (place - middle[:, :, None]).reshape(-1, *place.shape[2:])
    light = _stamps(sequence.psf, reach, beside, share)
    light = light.reshape(len(light), *middle.shape[:2], *light.shape[-2:]).swapaxes(0, 1)
    columns, rows = (middle[:, :, axis, None].astype(int) + box for axis in (0, 1))
    return Stamps(rows, columns, light)


def _within(pixels: Ints, length: int) -> Bools:
    """Which pixels of an axis of this length there are."""
    return np.asarray((pixels >= 0) & (pixels < length))


def _nodes(arc: float) -> tuple[Floats, Floats]:
    """Places (node,) along the exposure, from −1 to 1, and their shares in it, for an `arc` [px].

    Gauss's: three, and one more each pixel, average the arc better than a PSF can tell (tested).
    """
    if not arc:
        return np.zeros(1), np.ones(1)
    node, weight = np.polynomial.legendre.leggauss(3 + int(arc))
    return node, weight / 2


def _stamps(psf: Floats, reach: int, beside: Floats, share: Floats) -> Floats:
    """The PSFs (wavelength, y, x) in a box about each frame's: (wavelength, time, row, column).

    The boxes extend by `reach` [px] from their middles, from which `beside` (time, node, 2) tells
    the source's (x, y) [px]; the nodes are averaged by their `share`.
    """
    side, frames, box = psf.shape[-1], len(beside), 2 * reach + 1
    lag = np.arange(-reach - side // 2, reach + side // 2 + 1)
    # A shift's weights depend only on how far apart the two pixels are: (time, node, 2, box, psf).
    shift = sliding_window_view(np.sinc(lag - beside[..., None]), side, axis=-1)[..., ::-1]
    along_x = shift[:, :, 0].swapaxes(1, 2).reshape(frames, box, -1).swapaxes(1, 2)
    along_y = shift[:, :, 1] * share[:, None, None]

    def stamp(image: Floats) -> Floats:
        shifted = (along_y @ image).swapaxes(1, 2)  # (time, row, node, x)
        # One product over nodes and columns together, instead of one a node and their sum.
        return np.asarray(shifted.reshape(frames, box, -1) @ along_x)

    if len(psf) == 1:  # holding BLAS back takes longer than one stamp
        return stamp(psf[0])[None]
    return np.stack(threads.over(stamp, psf))


def _check(sequence: Sequence, companion: Companion, smearing: Floats) -> None:
    """Refuse what does not fit the sequence."""
    if len(companion.flux) != len(sequence.wavelength):
        raise BadInput(
            f"{sequence.label}: a companion of {len(companion.flux)} fluxes for "
            f"{len(sequence.wavelength)} wavelengths: give one flux a wavelength"
        )
    if smearing.shape != sequence.angle.shape:
        raise BadInput(
            f"{sequence.label}: smearing has shape {smearing.shape}, "
            f"expected {sequence.angle.shape}: one value [deg] a frame"
        )
