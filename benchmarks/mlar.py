"""`python -m benchmarks.mlar`: one injected sample of multi-level residuals, against the naive way.

β Pic, annulus 4–6 FWHM, 20 levels, patches of 9 px, one thread. Naive: singular vectors of the
injected annulus, residuals at each level, every frame turned by the same interpolation on the
patch's pixels alone, averaged. The floor: the eigendecomposition and the one product that a sample
cannot do without. Minimum over repeats, all in one process.
"""

import json

import numpy as np
from scipy import ndimage

from benchmarks import data
from benchmarks.harness import ROOT, clock, table
from benchmarks.supervised import empty
from exosift import threads
from exosift.geometry.rotation import sources
from exosift.learn.mlar import Mlar
from exosift.learn.ring import rings
from exosift.learn.turned import Turned
from exosift.photometry.injection import Companion, inject

REPEATS, FLUXES = 7, 8
PLACE = Companion(24.0, 123.0, (1.0,))


def naive(sequence, zone: np.ndarray, ranks: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Level patches (level, pixel) of a sequence, by cubic splines."""
    frames = sequence.cube[0].reshape(len(sequence.angle), -1)
    centred = frames - frames.mean(axis=0)
    modes = np.linalg.svd(centred[:, zone], full_matrices=False)[0]
    size = sequence.cube.shape[-1]
    places = sources(sequence.angle, size, *np.divmod(pixels, size))
    levels = []
    for rank in ranks:
        left = centred - modes[:, :rank] @ (modes[:, :rank].T @ centred)
        turned = [
            ndimage.map_coordinates(frame.reshape(size, size), place, order=3, mode="mirror")
            for frame, *place in zip(left, *places, strict=True)
        ]
        levels.append(np.mean(turned, axis=0))
    return np.array(levels)


def main() -> None:
    """Measure, write, print."""
    sequence, asked = empty(), Mlar(interpolation="cubic")
    given = inject(sequence, [Companion(PLACE.separation, PLACE.position_angle, (50.0,))])
    rows = []
    with threads.limit(1):
        for how in ("fourier", "cubic"):
            turned = Turned.of(sequence, sequence.angle, how)
            ring = rings(turned, [(4.0, 6.0)], Mlar(interpolation=how))[0]
            order, flux = np.arange(ring.orders), np.linspace(20, 90, FLUXES)
            pixel = ring.pixels[[np.abs(ring.pixels - 2 * len(ring.number) // 3).argmin()]]
            y, x = divmod(int(pixel[0]), ring.size)
            middle = (ring.size - 1) / 2
            angle = float(np.degrees(np.arctan2(middle - x, y - middle)) % 360)
            here = Companion(float(np.hypot(x - middle, y - middle)), angle, (1.0,))
            work = [clock(lambda: ring.lit(here, flux, order, pixel)) for _ in range(REPEATS)]  # noqa: B023
            rows.append({"name": f"sample, {how}", "seconds": min(work) / FLUXES})
        reach = np.arange(9) - 4
        pixels = (pixel + (reach[:, None] * ring.size + reach).ravel()).ravel()
        zone, ranks = ring.levels.region.part.pixels, ring.levels.ranks
        slow = min(clock(lambda: naive(given, zone, ranks, pixels)) for _ in range(2))
        kernel = np.cov(np.random.default_rng(0).normal(size=(61, 200)))
        left, right = (np.ones((n, 61 * 61), np.float32) for n in (asked.levels, 81))
        floor = min(clock(lambda: np.linalg.eigh(kernel)) for _ in range(REPEATS))
        floor += min(clock(lambda: left @ right.T) for _ in range(REPEATS))
    for row in rows:
        row |= {"naive_seconds": slow, "ratio": slow / row["seconds"], "floor_seconds": floor}
        row |= {"over_floor": row["seconds"] / floor, "zone_pixels": len(zone)}
        row |= {"fwhm": data.FWHM}
    (ROOT / "benchmarks" / "mlar.json").write_text(json.dumps(rows, indent=1) + "\n")
    columns = ["name", "seconds", "naive_seconds", "ratio", "floor_seconds", "over_floor"]
    print(table(rows, columns))


if __name__ == "__main__":
    main()
