"""A ring of a sequence: its level images, and the patches cut out of them, under any angles."""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import radius_map
from exosift.learn.mlar import Levels, Mlar
from exosift.learn.room import Values
from exosift.learn.turned import Turned
from exosift.photometry.injection import Companion
from exosift.types import Floats, Ints

# Pixels whose radius differs by less [px] are on one circle; those nearer than so many FWHM do not
# count as noise.
_CIRCLE, _OWN = 1.0, 1.0


@dataclass(frozen=True, eq=False)
class Ring:
    """Pixels of a ring, those that its patches need, and the values of the turned frames there.

    bounds [px]; pixels (pixel,): flat indices of the ring; wide (place,): of all that patches about
    them lie on; number: place of each of the frame's pixels among `wide`, −1 elsewhere; values: of
    all rings' pixels, among which `wide` are `held`; circles (pixel, place): shares of those that
    tell a pixel's noise.
    """

    bounds: tuple[float, float]
    levels: Levels
    pixels: Ints
    wide: Ints
    number: Ints
    values: Values
    held: slice
    side: int
    circles: Any

    @property
    def size(self) -> int:
        """Side [px] of the frames."""
        return int(self.levels.turned.frames.shape[-1])

    @property
    def orders(self) -> int:
        """How many frames have angles to be handed on."""
        return len(self.levels.turned.frames)

    def images(self, order: Ints) -> Floats:
        """Level images (level, place), where frames have the angles turns[order]."""
        return self.levels.images(self.values, self.held, order)

    def noise(self, images: Floats) -> "Noise":
        """What each level (pixel, level) has on the circle of every pixel, but for its own place.

        It is that of this very frame: how much noise there is differs between null frames.
        """
        mean = self.circles @ images.T
        power = self.circles @ np.square(images.T)
        return Noise(mean, np.sqrt(np.maximum(power - mean**2, np.finfo(np.float32).tiny)))

    def patches(self, images: Floats, pixels: Ints) -> Floats:
        """Patches (pixel, level, y, x) about flat pixel indices, of level images (level, place)."""
        cut = images[:, self.number[self._boxes(pixels)]]
        cut = cut.reshape(len(images), -1, self.side, self.side)
        return np.ascontiguousarray(cut.swapaxes(0, 1))

    def lit(self, companion: Companion, fluxes: Floats, order: Ints, pixels: Ints) -> Floats:
        """Patches (flux, pixel, level, y, x) with a companion of these times its flux."""
        boxes = self._boxes(pixels)
        needed, place = np.unique(boxes, return_inverse=True)
        own = self.values[self.held.start + self.number[needed]]
        light = self.levels.turned.light(companion, order, needed)
        every = self.levels.lit(companion, order, fluxes)
        patches = np.empty((len(fluxes), *boxes.shape, len(self.levels.ranks)), np.float32)
        for out, flux, modes in zip(patches, fluxes, every, strict=True):
            images = self.levels.combined(own + np.float32(flux) * light, modes, order)
            out[:] = images.T[place.reshape(boxes.shape)]
        shape = (*patches.shape[:2], self.side, self.side, -1)
        return np.ascontiguousarray(np.moveaxis(patches.reshape(shape), -1, 2))

    def _boxes(self, pixels: Ints) -> Ints:
        """Flat indices (pixel, side²) of the patches about flat indices."""
        return _boxes(pixels, self.side, self.size)


def rings(turned: Turned, edges: Several[tuple[float, float]], asked: Mlar) -> list[Ring]:
    """The rings between `edges` [FWHM] of a sequence; its frames are turned once for all.

    Raises BadInput for a ring that leaves the frame, and as `Levels.of`.
    """
    fwhm, size = turned.sequence.observation.fwhm[0], turned.frames.shape[-1]
    side = asked.side(fwhm)
    radius = radius_map((size, size))
    room = (size - 1) / 2 - side // 2
    for _, outer in edges:
        if outer * fwhm > room + 1:
            raise BadInput(
                f"{turned.sequence.label}: rings to {outer:g} FWHM with patches of {side} px leave "
                f"frames of {size} px; they may reach {room / fwhm:.2f} FWHM"
            )
    own = [
        np.flatnonzero((radius >= inner * fwhm) & (radius < outer * fwhm)) for inner, outer in edges
    ]
    needed = [np.unique(_boxes(pixels, side, size)) for pixels in own]
    every = np.unique(np.concatenate(needed))
    every = every[np.argsort(radius.ravel()[every], kind="stable")]
    values = turned.at(every)
    place = np.full(size * size, -1)
    place[every] = np.arange(len(every))
    found = []
    for (inner, outer), pixels, wide in zip(edges, own, needed, strict=True):
        bounds = inner * fwhm, outer * fwhm
        # Ordered by radius, what a ring needs lies together.
        first, last = int(place[wide].min()), int(place[wide].max()) + 1
        number = np.where((place >= first) & (place < last), place - first, -1)
        levels = Levels.of(turned, bounds, asked)
        held = slice(first, last)
        circles = _circles(pixels, every[held], size, fwhm)
        found.append(Ring(bounds, levels, pixels, every[held], number, values, held, side, circles))
    return found


def _circles(pixels: Ints, wide: Ints, size: int, fwhm: float) -> Any:
    """Sparse shares (pixel, place) of the pixels on one circle that are not near each."""
    from scipy import sparse  # slow to load

    y, x = (each - (size - 1) / 2 for each in np.divmod(wide, size))
    radius = np.hypot(x, y)
    rows = []
    for pixel in pixels:
        y0, x0 = (each - (size - 1) / 2 for each in divmod(int(pixel), size))
        on = np.abs(radius - np.hypot(x0, y0)) < _CIRCLE
        rows.append(np.flatnonzero(on & (np.hypot(x - x0, y - y0) > _OWN * fwhm)))
    count = np.array([len(row) for row in rows])
    shares = np.repeat(np.float32(1) / count, count).astype(np.float32)
    start = np.concatenate([[0], np.cumsum(count)])
    return sparse.csr_array((shares, np.concatenate(rows), start), (len(pixels), len(wide)))


@dataclass(frozen=True, eq=False)
class Noise:
    """Mean and standard deviation (pixel, level) that patches are told in."""

    mean: Floats
    scale: Floats

    def of(self, which: Ints) -> "Noise":
        """That of some of the pixels, by their numbers in the ring."""
        return Noise(self.mean[which], self.scale[which])

    def units(self, patches: Floats) -> Floats:
        """Patches (…, pixel, level, y, x) in units of the noise."""
        apart = patches - self.mean[..., None, None]
        return np.asarray(apart / self.scale[..., None, None], np.float32)


def _boxes(pixels: Ints, side: int, size: int) -> Ints:
    """Flat indices (pixel, side²) of squares about flat indices into frames of size × size."""
    reach = np.arange(side) - side // 2
    offsets = (reach[:, None] * size + reach).ravel()
    return np.asarray(pixels[:, None] + offsets)
