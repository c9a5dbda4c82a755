"""Calibrated frames of an observation, any block of them by itself."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from exosift.calib.badpixels import fill
from exosift.calib.calibration import Calibrations, Exposures, calibrate, cleaned
from exosift.calib.masters import MasterDark, MasterFlat
from exosift.calib.outliers import outliers
from exosift.calib.recipe import Recipe
from exosift.calib.sky import apart_from
from exosift.compute.blocks import Block
from exosift.ingest.frame import Frame
from exosift.raw.files import Files, Read
from exosift.raw.masters import Masters, middle
from exosift.raw.skies import MeanSky, Skies, averaged, joined, mean_of
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
    serving: what `_usable` found so far.
    """

    files: Files
    recipe: Recipe
    read: Read
    fwhm: float
    windows: tuple[Window, ...]
    calibrations: Mapping[str, Calibrations]
    skies: tuple[Skies | None, ...]
    serving: dict[tuple[str, int], Bools] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Files, recipe: Recipe, read: Read, fwhm: float) -> "Observed":
        """Make masters and skies; fwhm [px] is a guess."""
        masters = Masters(files, recipe, read)
        skyward = [
            f for kind in ("science", "sky", "flux", "centre") for f in files.kinds.get(kind, ())
        ]
        used = {frame.sky for frame in files.science if frame.sky}
        skies = [frame for name in sorted(used) for frame in files.sets[name]]
        others = [sky for frame in skyward if frame.sky for sky in files.sets[frame.sky]]
        every = {frame.file: masters.of(frame) for frame in [*skyward, *skies, *others]}
        windows = _side_by_side(files.science[0], files.raw.fields)
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
        for window, sky in zip(windows, found, strict=True):
            if sky is not None and sky.star is not None:
                own = apart_from(sky.star, sky.star, sky.radius)
                for frame, usable in zip(science, own, strict=True):
                    made.serving[frame.file, window[1].start] = usable
        return replace(made, skies=tuple(found))

    def block(self, span: slice) -> Block:
        """The science frames `span` of the whole sequence."""
        pieces = [
            self._piece(frame, planes, self.windows, self.skies)
            for frame, planes in self.files.pieces(span)
        ]
        if len(pieces) == 1:
            return pieces[0]
        cube = np.concatenate([piece.cube for piece in pieces], axis=1)
        mask = np.concatenate([piece.mask for piece in pieces], axis=1)
        variance = [piece.variance for piece in pieces if piece.variance is not None]
        return Block(cube, mask, np.concatenate(variance, axis=1) if variance else None)

    @property
    def variance(self) -> bool:
        """Whether the frames come with theirs; cubes that came calibrated have none."""
        return self.recipe.variance and not self.files.raw.calibrated

    def beside(self, frame: Frame) -> Block:
        """Frames of a file that is no science: the star off the coronagraph, satellite spots.

        Less the mean of their own sky, if there is one.
        """
        planes = slice(0, min(frame.frames, _PLANES))
        windows = _side_by_side(frame, self.files.raw.fields)
        skies: list[MeanSky | None] = [None] * len(windows)
        if frame.sky and self.recipe.sky is not None and not self.files.raw.calibrated:
            own = self.files.sets[frame.sky]
            skies = [MeanSky(mean_of(self._averaged(own, window).frames)) for window in windows]
        return self._piece(frame, planes, windows, skies)

    def _piece(
        self,
        frame: Frame,
        planes: slice,
        windows: Several[Window],
        skies: Several[Skies | MeanSky | None],
    ) -> Block:
        """Some planes of one file; skies of each window."""
        mirror = -1 if frame.mirrored else 1
        if self.files.raw.planes == "wavelength":
            cube, mask = fill(self.read(frame, slice(None)).astype(np.float32))
            return Block(cube[:, None, :, ::mirror], mask[:, None, :, ::mirror], None)
        raw, mjd = self.read(frame, planes), frame.times()[planes]
        done = []
        for window, sky in zip(windows, skies, strict=True):
            seen = calibrate(raw[:, *window], mjd, self._calibrations(frame, window))
            bad = None
            if isinstance(sky, Skies):
                seen, bad = sky.take_off(seen, self._usable(frame, window, sky)), sky.bad
            elif sky is not None:
                seen = sky.take_off(seen)
            if self.recipe.outliers is not None:
                found = outliers(seen.frames, self.fwhm, self.recipe.outliers)
                bad = found if bad is None else found | bad
            done.append(cleaned(seen, bad, self.recipe.layers))
        cube = _together([one.frames for one in done])
        mask = _together([one.mask for one in done])
        variance = [one.variance for one in done if one.variance is not None]
        return Block(
            cube[..., ::mirror],
            mask[..., ::mirror],
            np.stack(variance)[..., ::mirror] if variance else None,
        )

    def _usable(self, frame: Frame, window: Window, sky: Skies) -> Bools:
        """Which frames of the sky serve a file; the same for all its blocks."""
        key = (frame.file, window[1].start)
        if key not in self.serving:
            own = sky.star is not None
            mean = self._averaged([frame], window).frames[0] if own else sky.mean
            self.serving[key] = sky.usable(mean)
        return self.serving[key]

    def _averaged(self, files: Several[Frame], window: Window) -> Exposures:
        """The mean of some planes of each file."""
        means = []
        for frame in files:
            planes = middle(frame, _PLANES)
            raw = self.read(frame, planes)[:, *window]
            calibrations = self._calibrations(frame, window)
            means.append(averaged(raw, frame.times()[planes], calibrations))
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


def _side_by_side(frame: Frame, fields: int) -> tuple[Window, ...]:
    """Where the images of one field lie on the detector, from left to right."""
    width, height = frame.shape
    wide = width // fields
    return tuple((slice(0, height), slice(wide * i, wide * (i + 1))) for i in range(fields))


def _together(channels: list[Values]) -> Values:
    """Channels (time, y, x) as (wavelength, time, y, x), without a copy where it is one."""
    return channels[0][None] if len(channels) == 1 else np.stack(channels)
