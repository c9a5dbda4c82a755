"""`python -m benchmarks.mlar`: one injected sample of multi-level residuals, against the naive way.

β Pic, annulus 4–6 FWHM, 20 levels, patches of 9 px, one thread. Naive: singular vectors of the
injected annulus, residuals at each level, every frame turned by splines on the patch's pixels
alone, averaged. The floor: the eigendecomposition and the one product that a sample cannot do
without. CPU seconds, which other work on the machine disturbs less; the minimum over repeats.
"""

import json
import time

import numpy as np
from scipy import ndimage

from benchmarks.harness import ROOT, Work, table
from benchmarks.supervised import empty
from exosift import threads
from exosift.geometry.rotation import sources
from exosift.learn.mlar import Mlar
from exosift.learn.ring import rings
from exosift.learn.turned import Turned
from exosift.photometry.injection import Companion, inject

REPEATS, FLUXES = 7, 12
PLACE = Companion(24.0, 123.0, (1.0,))


def clock(work: Work) -> float:
    """CPU seconds that one call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def naive(sequence, zone: np.ndarray, ranks: np.ndarray, pixels: np.ndarray, order: int):
    """Level patches (level, pixel) of a sequence, its frames turned by splines of this order."""
    size = sequence.cube.shape[-1]
    frames = sequence.cube[0].reshape(len(sequence.angle), -1)[:, zone]
    centred = frames - frames.mean(axis=0)
    modes = np.linalg.svd(centred, full_matrices=False)[0]
    places = sources(sequence.angle, size, *np.divmod(pixels, size))
    left = np.zeros((len(frames), size * size), frames.dtype)
    levels = []
    for rank in ranks:
        left[:, zone] = centred - modes[:, :rank] @ (modes[:, :rank].T @ centred)
        turned = [
            ndimage.map_coordinates(frame.reshape(size, size), place, order=order, mode="mirror")
            for frame, *place in zip(left, *places, strict=True)
        ]
        levels.append(np.mean(turned, axis=0))
    return np.array(levels)


def main() -> None:
    """Measure, write, print."""
    sequence, asked = empty(), Mlar()
    given = inject(sequence, [Companion(PLACE.separation, PLACE.position_angle, (50.0,))])
    rows = []
    with threads.limit(1):
        for how in ("fourier", "bilinear"):
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
        slow = {
            name: min(clock(lambda: naive(given, zone, ranks, pixels, k)) for _ in range(3))  # noqa: B023
            for name, k in (("cubic", 3), ("bilinear", 1))
        }
        kernel = np.cov(np.random.default_rng(0).normal(size=(61, 200)))
        left, right = (np.ones((n, 61 * 61), np.float32) for n in (asked.levels, 81))
        floor = min(clock(lambda: np.linalg.eigh(kernel)) for _ in range(REPEATS))
        floor += min(clock(lambda: left @ right.T) for _ in range(REPEATS))
    for row in rows:
        for name, seconds in slow.items():
            row |= {f"naive_{name}": seconds, f"ratio_{name}": seconds / row["seconds"]}
        row |= {"floor_seconds": floor, "over_floor": row["seconds"] / floor}
        row |= {"zone_pixels": len(zone), "fluxes": FLUXES}
    (ROOT / "benchmarks" / "mlar.json").write_text(json.dumps(rows, indent=1) + "\n")
    columns = ["name", "seconds", "naive_cubic", "ratio_cubic", "naive_bilinear"]
    columns += ["ratio_bilinear", "floor_seconds", "over_floor"]
    print(table(rows, columns))


if __name__ == "__main__":
    main()
