"""Calibrated frames of an observation, any block of them by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from exosift.calib.badpixels import fill
from exosift.calib.calibration import Calibrations, Exposures, calibrate, cleaned
from exosift.calib.masters import MasterDark, MasterFlat
from exosift.calib.outliers import outliers
from exosift.calib.recipe import Recipe
from exosift.compute.blocks import Block
from exosift.ingest.frame import Frame
from exosift.raw.files import Files, Read
from exosift.raw.masters import Masters, middle
from exosift.raw.skies import Skies, averaged, joined
from exosift.types import Bools, Floats

# Frames spread over the sequence that tell where the star is, and are a sky of dithers; planes of
# each file that are averaged.
_SPREAD, _PLANES = 64, 32

Values = TypeVar("Values", Floats, Bools)

Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Observed:
    """All that the frames of an observation are calibrated with.

    windows: the images side by side on the detector, each a wavelength. skies: of each, or None.
    """

    files: Files
    recipe: Recipe
    read: Read
    fwhm: float
    windows: tuple[Window, ...]
    calibrations: Mapping[str, Calibrations]
    skies: tuple[Skies | None, ...]

    @classmethod
    def of(cls, files: Files, recipe: Recipe, read: Read, fwhm: float) -> "Observed":
        """Make masters and skies; fwhm [px] is a guess."""
        masters = Masters(files, recipe, read)
        skyward = [
            f for kind in ("science", "sky", "flux", "centre") for f in files.kinds.get(kind, ())
        ]
        used = {frame.sky for frame in files.science if frame.sky}
        skies = [frame for name in sorted(used) for frame in files.sets[name]]
        every = {frame.file: masters.of(frame) for frame in [*skyward, *skies]}
        width, height = files.science[0].shape
        half = width // files.raw.fields
        windows = tuple(
            (slice(0, height), slice(half * i, half * (i + 1))) for i in range(files.raw.fields)
        )
        made = cls(files, recipe, read, fwhm, windows, every, (None,) * len(windows))
        if files.raw.calibrated:
            return made
        science = files.science[:: -(-len(files.science) // _SPREAD)]
        found = [
            Skies.of(
                made._averaged(skies, window) if skies else None,
                made._averaged(science, window),
                recipe,
                fwhm,
            )
            for window in windows
        ]
        return replace(made, skies=tuple(found))

    def block(self, span: slice) -> Block:
        """The science frames `span` of the whole sequence."""
        pieces = [self._piece(frame, planes) for frame, planes in self.files.pieces(span)]
        if len(pieces) == 1:
            return pieces[0]
        cube = np.concatenate([piece.cube for piece in pieces], axis=1)
        mask = np.concatenate([piece.mask for piece in pieces], axis=1)
        variance = [piece.variance for piece in pieces if piece.variance is not None]
        return Block(cube, mask, np.concatenate(variance, axis=1) if variance else None)

    def beside(self, frame: Frame) -> Block:
        """Frames of a file that is no science: the star off the coronagraph, satellite spots."""
        planes = slice(0, min(frame.frames, _PLANES))
        return self._piece(frame, planes, sky=False)

    def _piece(self, frame: Frame, planes: slice, sky: bool = True) -> Block:
        """Some planes of one file."""
        mirror = -1 if frame.mirrored else 1
        if self.files.raw.planes == "wavelength":
            cube, mask = fill(self.read(frame, slice(None)).astype(np.float32))
            return Block(cube[:, None, :, ::mirror], mask[:, None, :, ::mirror], None)
        raw, mjd = self.read(frame, planes), frame.times()[planes]
        if frame.shape != self.files.science[0].shape:
            windows: tuple[Window, ...] = ((slice(None), slice(None)),)
        else:
            windows = self.windows
        done = [
            self._clean(
                raw[:, *window], mjd, self._calibrations(frame, window), skies if sky else None
            )
            for window, skies in zip(windows, self.skies, strict=False)
        ]
        cube = _together([one.frames for one in done])
        mask = _together([one.mask for one in done])
        variance = [one.variance for one in done if one.variance is not None]
        return Block(
            cube[..., ::mirror],
            mask[..., ::mirror],
            np.stack(variance)[..., ::mirror] if variance else None,
        )

    def _clean(
        self, raw: Floats, mjd: Floats, calibrations: Calibrations, skies: Skies | None
    ) -> Exposures:
        """Dark, flat, sky, outliers, bad pixels."""
        seen = calibrate(raw, mjd, calibrations)
        bad = None
        if skies is not None:
            seen, bad = skies.take_off(seen), skies.bad
        if self.recipe.outliers is not None:
            found = outliers(seen.frames, self.fwhm, self.recipe.outliers)
            bad = found if bad is None else found | bad
        return cleaned(seen, bad, self.recipe.layers)

    def _averaged(self, files: list[Frame] | tuple[Frame, ...], window: Window) -> Exposures:
        """The mean of some planes of each file."""
        means = []
        for frame in files:
            planes = middle(frame, _PLANES)
            raw = self.read(frame, planes)[:, *window]
            means.append(averaged(raw, frame.times()[planes], self._calibrations(frame, window)))
        return joined(means)

    def _calibrations(self, frame: Frame, window: Window) -> Calibrations:
        """The calibrations of a file, in one window."""
        whole = self.calibrations[frame.file]
        dark, flat = whole.dark, whole.flat
        return Calibrations(
            MasterDark(
                dark.frame[window], dark.variance[window], dark.read_noise, dark.hot[window]
            ),
            MasterFlat(flat.response[window], flat.variance[window], flat.bad[window]),
            whole.bad[window],
            whole.saturation,
            whole.gain,
        )


def _together(channels: list[Values]) -> Values:
    """Channels (time, y, x) as (wavelength, time, y, x), without a copy where it is one."""
    return channels[0][None] if len(channels) == 1 else np.stack(channels)
