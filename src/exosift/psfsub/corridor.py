"""A companion about one place, moved and dimmed thousands of times, as a fit of it does: exact.

Its light a P can only fall on a corridor of each region's pixels. With X = R − m + a P on those,
the products of the whole are

    G(a) = (G − (R − m)(R − m)ᵀ on the corridor) + X Xᵀ

so one symmetric product of a few hundred pixels takes the place of `refit`'s B and D, and the
derotation's weights of the corridor alone are read (see `patch`).
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.geometry.grid import pixel_position
from exosift.photometry.injection import Companion, stamped, track
from exosift.psfsub.combine import combine
from exosift.psfsub.engine import weigh
from exosift.psfsub.gram import Gram
from exosift.psfsub.injected import Injected
from exosift.psfsub.linear import Coefficients
from exosift.psfsub.patch import Patch
from exosift.psfsub.refit import Fitted
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

# Companions measured in one product: the weights are then read once for all of them.
_BATCH = 16


@dataclass(frozen=True, eq=False)
class _Stretch:
    """A region's part of the corridor; its last column stands for all that lies beside it.

    place and zone_place: number of each of the frame's pixels in the corridor, −1 beside it.
    frames (row, column) and fixed (column,): R − m and m in the zone. rest: products without them.
    """

    region: Fitted
    place: Ints
    zone_place: Ints
    frames: Floats
    fixed: Floats
    rest: Gram

    @classmethod
    def of(cls, region: Fitted, lit: Bools) -> "_Stretch":
        """Where lit (pixel,) of the frame is the corridor."""
        inside = np.flatnonzero(lit[region.part.zone])
        frames = np.pad(region.zone.frames[:, inside].astype(np.float64), ((0, 0), (0, 1)))
        fixed = np.pad(region.zone.fixed[inside].astype(np.float64), (0, 1))
        whole = region.products
        rest = Gram(
            whole.product - frames @ frames.T,
            whole.along - frames @ fixed,
            whole.norm,
            whole.sums,
            whole.pixels,
        )
        zone_place = _numbered(region.part.zone[inside], len(lit))
        place = zone_place
        if region.zone is not region.frames:
            place = _numbered(region.part.pixels[lit[region.part.pixels]], len(lit))
        return cls(region, place, zone_place, frames, fixed, rest)

    @property
    def kept(self) -> Ints:
        """Numbers of the region's pixels in the corridor."""
        return np.flatnonzero(self.place[self.region.part.pixels] >= 0)

    def lit(self, boxes: "_Boxes", number: int) -> tuple[Floats, Floats]:
        """Light of wavelength `number` on the zone's corridor, and the region's, of each case."""
        zone = boxes.spread(number, self.zone_place, self.frames.shape[1])
        if self.place is self.zone_place:
            return zone, zone[..., :-1]
        return zone, boxes.spread(number, self.place, len(self.kept) + 1)[..., :-1]

    def refitted(self, seen: Floats, own: Floats) -> tuple[Coefficients, Floats]:
        """Coefficients with that light in the frames, and what it adds.

        seen and own (time, column) are on the zone and on the region. What is added is a (P − C P)
        on the region's pixels of the corridor: (variant, time, pixel).
        """
        frames = self.frames.copy()
        frames[: len(seen)] += seen
        along, sums = self.rest.along + frames @ self.fixed, self.rest.sums.copy()
        sums[: len(seen)] += seen.sum(axis=1)
        products = Gram(
            self.rest.product + frames @ frames.T, along, self.rest.norm, sums, self.rest.pixels
        )
        region = self.region
        now = weigh(products, region.part.usable, region.model, region.references)
        values = own.astype(region.left.dtype)
        weights = now.weights[..., : len(values)].astype(values.dtype)
        return now, values - weights @ values


@dataclass(frozen=True, eq=False)
class _Channel:
    """One wavelength: its stretches, and their weights in the patch; values (variant, time, pixel)
    of the derotated residuals without a companion."""

    stretches: tuple[_Stretch, ...]
    patch: Patch | None
    before: Floats


@dataclass(frozen=True, eq=False)
class Corridor:
    """A patch of the image, for companions within `reach` [px] of one place (x, y).

    Elsewhere, and where `Injected` has no patches, they go its way, as exactly.
    """

    injected: Injected
    pixels: Ints
    place: tuple[float, float]
    reach: float
    channels: tuple[_Channel, ...]

    @classmethod
    def of(cls, injected: Injected, about: Companion, reach: float, pixels: Ints) -> "Corridor":
        """About the place of a companion; pixels: flat indices into the North-up image.

        Raises BadInput when the companion is outside every frame.
        """
        sequence = injected.sequence
        place = pixel_position(about.separation, about.position_angle, sequence.observation.star)
        lit = _lit(sequence, about, reach)
        if not injected.channels or injected.reduction.derotation == "spline":
            return cls(injected, pixels, place, 0.0, ())
        channels = []
        for one in injected.channels:
            regions = [r for r in one.regions if lit[r.part.pixels].any() or lit[r.part.zone].any()]
            stretches = tuple(_Stretch.of(region, lit) for region in regions)
            kept = [stretch.kept for stretch in stretches]
            size = sequence.cube.shape[-1]
            patch = Patch.of(regions, sequence.angle, size, pixels, kept) if regions else None
            before = one.turned.reshape(*one.turned.shape[:2], -1)[..., pixels]
            channels.append(_Channel(stretches, patch, before))
        return cls(injected, pixels, place, reach, tuple(channels))

    def values(self, together: Several[Several[Companion]]) -> Floats:
        """Values (case, variant, pixel) of the images, each with companions together in the frames.

        Raises BadInput for one outside every frame.
        """
        here = [all(self._holds(one) for one in case) for case in together]
        if not all(here):
            injections = [self.injected.injection(case) for case in together]
            return self.injected.measured(injections, [1.0] * len(together), self.pixels)
        with threads.limit(1):  # pieces so small would wait for each other's turn on more
            return np.concatenate(
                [self._several(together[span]) for span in threads.blocks(len(together), _BATCH)]
            )

    def _holds(self, companion: Companion) -> bool:
        """Whether a companion's light stays in the corridor."""
        star = self.injected.sequence.observation.star
        x, y = pixel_position(companion.separation, companion.position_angle, star)
        inside = np.hypot(x - self.place[0], y - self.place[1]) <= self.reach
        return bool(self.channels and inside)

    def _several(self, together: Several[Several[Companion]]) -> Floats:
        """Values (case, variant, pixel); the wavelengths' mean."""
        sequence = self.injected.sequence
        boxes = _Boxes.of(sequence, together)
        images = [
            self._in_channel(channel, number, boxes) for number, channel in enumerate(self.channels)
        ]
        return np.asarray(images[0] if len(images) == 1 else combine(np.stack(images), "mean"))

    def _in_channel(self, channel: _Channel, number: int, boxes: "_Boxes") -> Floats:
        """Values (case, variant, pixel) of one wavelength's image."""
        variants, frames, count = channel.before.shape
        after = np.repeat(channel.before.transpose(1, 0, 2)[:, None], boxes.cases, axis=1)
        for which, stretch in enumerate(channel.stretches):
            assert channel.patch is not None
            added = np.empty((frames, boxes.cases, variants, len(stretch.kept)), after.dtype)
            for one, light in enumerate(zip(*stretch.lit(boxes, number), strict=True)):
                now, more = stretch.refitted(*light)
                added[:, one] = more.swapaxes(0, 1)
                change = channel.patch.reweighed(which, stretch.region.fitted, now)
                after[:, one] += change.swapaxes(0, 1)
            flat = added.reshape(frames, -1, added.shape[-1])
            after += (flat @ channel.patch.weights[which]).reshape(after.shape)
        how = self.injected.reduction.combination
        return combine(after.reshape(frames, -1, count), how).reshape(-1, variants, count)


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Companions' light (companion, wavelength, time, entry), and flat indices of its pixels.

    What lies beside the frame has the index after the last. case (companion,): which of the `cases`
    each belongs to.
    """

    light: Floats
    pixels: Ints
    case: Ints
    cases: int

    @classmethod
    def of(cls, sequence: Sequence, together: Several[Several[Companion]]) -> "_Boxes":
        every = [companion for case in together for companion in case]
        stamps, (height, width) = stamped(sequence, every), sequence.cube.shape[-2:]
        rows, columns = stamps.rows[..., :, None], stamps.columns[..., None, :]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        pixels = np.where(inside, rows * width + columns, height * width)
        flux = np.array([companion.flux for companion in every])
        light = flux[:, :, None, None, None] * stamps.light
        case = np.repeat(np.arange(len(together)), [len(one) for one in together])
        light = light.reshape(*light.shape[:3], -1)
        return cls(light, pixels.reshape(*pixels.shape[:2], -1), case, len(together))

    def spread(self, number: int, place: Ints, count: int) -> Floats:
        """Light of wavelength `number` in columns (case, time, column).

        place: of each of the frame's pixels, −1 for the last column, which stays empty.
        """
        frames = self.pixels.shape[1]
        first = count * np.arange(frames)[:, None]
        columns = np.where(place < 0, count - 1, place)
        spread = np.empty((self.cases, frames, count))
        for case, own in enumerate(spread):  # one by one: together they would not stay in cache
            of = self.case == case
            cells = columns[self.pixels[of]] + first
            summed = np.bincount(cells.ravel(), self.light[of, number].ravel(), own.size)
            own[:] = summed.reshape(own.shape)
        spread[..., -1] = 0.0
        return spread


def _lit(sequence: Sequence, about: Companion, reach: float) -> Bools:
    """Pixels of the frame on which light falls within `reach` [px], and one that stands for none.

    Raises BadInput when there are none at all.
    """
    height, width = sequence.cube.shape[-2:]
    track(sequence, about)  # refuses it
    stamps, more = stamped(sequence, [about]), int(np.ceil(reach))
    lit = np.zeros((height, width), bool)
    for rows, columns in zip(stamps.rows[0], stamps.columns[0], strict=True):
        low, left = max(0, rows[0] - more), max(0, columns[0] - more)
        lit[low : max(0, rows[-1] + more + 1), left : max(0, columns[-1] + more + 1)] = True
    return np.append(lit.ravel(), False)


def _numbered(pixels: Ints, of: int) -> Ints:
    """Number of each pixel of a frame of so many among `pixels`, −1 where it is not one of them."""
    place = np.full(of, -1, np.int32)
    place[pixels] = np.arange(len(pixels))
    return place
