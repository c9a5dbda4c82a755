"""A region refitted with a companion's light in it, in Gram space: exact, with no pass over it.

Light a P (target × pixel, sparse) in frames R, taken about the fixed frame m, changes the products:

    G(a) = G + a (B + Bᵀ) + a² D,    B = (R − m) Pᵀ,  D = P Pᵀ

and R·m and the sums of rows likewise. G(a) is not of low rank more than G is (the companion moves),
so the model's coefficients are found anew for each a; the pixels are met only where they are left.
"""

from dataclasses import dataclass

import numpy as np

from exosift.photometry.injection import Track
from exosift.psfsub.catalogue import LinearModel
from exosift.psfsub.engine import Part, weigh
from exosift.psfsub.gram import CentredFrames, Gram, gram
from exosift.psfsub.library import References
from exosift.psfsub.linear import Coefficients, residuals
from exosift.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Light:
    """A companion's light in a region, and its inner products with the frames.

    pixels (pixel,): those of the region that it falls on; values (target, pixel). cross B (row,
    target), own D (target, target), along P·m and sums (target,): all of the optimisation zone.
    """

    pixels: Ints
    values: Floats
    cross: Floats
    own: Floats
    along: Floats
    sums: Floats


@dataclass(frozen=True, eq=False)
class Fitted:
    """A region as it was fitted: frames, those of its optimisation zone, products and what follows.

    left is (variant, target, pixel). place and zone_place: number of each of the frame's pixels in
    the region and in its zone, −1 outside.
    """

    part: Part
    model: LinearModel
    references: References
    frames: CentredFrames
    zone: CentredFrames
    products: Gram
    fitted: Coefficients
    left: Floats
    place: Ints
    zone_place: Ints

    @classmethod
    def of(cls, flat: Floats, part: Part, model: LinearModel, references: References) -> "Fitted":
        """Fit the region of frames (row, pixel), as `engine.fit` does."""
        frames = CentredFrames.of(flat[:, part.pixels])
        wider = part.zone_of(flat)
        zone = frames if wider is None else CentredFrames.of(wider)
        products = gram(zone)
        fitted = weigh(products, part.usable, model, references)
        left = residuals(frames, fitted)
        places = [_numbered(pixels, flat.shape[1]) for pixels in (part.pixels, part.zone)]
        return cls(part, model, references, frames, zone, products, fitted, left, *places)

    def lit(self, path: Track, channel: int) -> Light | None:
        """What a companion of this track brings into the region; None where nothing falls on it."""
        count = len(self.part.usable)
        pixels, values = _on(self.place, path, channel, count)
        where, seen = pixels, values
        if self.zone is not self.frames:
            where, seen = _on(self.zone_place, path, channel, count)
        if not pixels.size and not where.size:
            return None
        cross = self.zone.frames[:, where].astype(np.float64) @ seen.T
        along = seen @ self.zone.fixed[where].astype(np.float64)
        return Light(pixels, values, cross, seen @ seen.T, along, seen.sum(axis=1))

    def brightened(self, light: Light, times: float) -> Gram:
        """The inner products with `times` that light in the frames."""
        return _with(self.products, light, times)

    def refitted(self, light: Light, times: float) -> Coefficients:
        """The model's coefficients with `times` that light in the frames."""
        products = self.brightened(light, times)
        return weigh(products, self.part.usable, self.model, self.references)

    def change(self, light: Light, times: float) -> Floats:
        """What `times` that light changes in the residuals (variant, target, pixel)."""
        weights = self.refitted(light, times)
        frames = self.frames.frames
        if light.pixels.size:
            frames = frames.copy()
            added = (times * light.values).astype(frames.dtype)
            frames[: len(added), light.pixels] += added
        return np.asarray(residuals(CentredFrames(frames, self.frames.fixed), weights) - self.left)


def _numbered(pixels: Ints, of: int) -> Ints:
    """Number of each pixel of a frame of so many among `pixels`, −1 where it is not one of them."""
    place = np.full(of, -1, np.int32)
    place[pixels] = np.arange(len(pixels))
    return place


def _on(place: Ints, path: Track, channel: int, targets: int) -> tuple[Ints, Floats]:
    """Which of a region's pixels, ascending, light falls on, and how much: (target, pixel)."""
    number = place[path.pixel]
    inside = np.flatnonzero(number >= 0)
    hit = np.zeros(int(place.max()) + 1, bool)
    hit[number[inside]] = True
    touched = np.flatnonzero(hit)
    column = (np.cumsum(hit) - 1)[number[inside]]
    cell = path.frame[inside] * len(touched) + column
    values = np.bincount(cell, path.light[channel, inside], targets * len(touched))
    return np.asarray(touched), values.reshape(targets, -1).astype(np.float64)


def _with(products: Gram, light: Light, times: float) -> Gram:
    """The products with `times` the light in the frames of the targets."""
    count = len(light.sums)
    product = products.product.copy()
    product[:, :count] += times * light.cross
    product[:count] += times * light.cross.T
    product[:count, :count] += times**2 * light.own
    along, sums = products.along.copy(), products.sums.copy()
    along[:count] += times * light.along
    sums[:count] += times * light.sums
    return Gram(product, along, products.norm, sums, products.pixels)
