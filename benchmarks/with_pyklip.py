"""pyKLIP's side of the rows: each function makes one call ready, to run on so many processes."""

import numpy as np

from benchmarks import data
from benchmarks.harness import Work, silence


def sectors(processes: int) -> Work:
    """KLIP by sectors, every frame that has moved enough in the library; spline derotation."""
    with silence():
        from pyklip.parallelized import klip_parallelized, rotate_imgs
    cube, angle = data.cube(), data.angle()
    count = len(cube)
    centre = np.full((count, 2), (cube.shape[-1] - 1) / 2)
    settings = {
        "OWA": data.RIM,
        "mode": "ADI",
        "annuli": data.RINGS,
        "subsections": data.SECTORS,
        "movement": data.MOVEMENT,
        "numbasis": [10],
        "maxnumbasis": count,
        "corr_smooth": 0,
        "numthreads": processes,
        "verbose": False,
    }

    def work() -> np.ndarray:
        left = klip_parallelized(
            cube, centre, angle, np.ones(count), np.arange(count), data.INNER, **settings
        )[0][0]
        return np.nanmean(rotate_imgs(left, angle, centre, numthreads=processes), axis=0)

    return work
