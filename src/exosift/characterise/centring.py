"""How well the star's place is known: the spread of several ways to find it."""

from collections.abc import Sequence as Several

import numpy as np

from exosift.calib.centring import Centring
from exosift.calib.registration import Finders
from exosift.errors import BadInput, Failed
from exosift.sequence import Sequence


def centring_spread(sequence: Sequence, methods: Several[Centring]) -> float:
    """Error of the star's place [px, of each axis]: the rms distance of `methods` from their mean.

    Of n places the variance is over n − 1, of both axes together. Each method looks at the median
    of the registered frames. Raises BadInput where fewer than two of them find a star.
    """
    filled = np.nan_to_num(sequence.cube)
    places, failures = [], []
    for method in methods:
        try:
            finders = Finders.of(filled, np.array(sequence.observation.fwhm), method)
            (found,), _ = finders.agreed(finders.places(filled[:, :1]))
        except Failed as failure:
            found = failure
        if isinstance(found, Failed):
            failures.append(f"{method.method}: {found}")
        else:
            places.append(found)
    if len(places) < 2:
        raise BadInput(
            f"{sequence.label}: the star is found in {len(places)} of {len(methods)} ways, and its "
            "error is the spread of two or more; name other methods in characterise.centring, or "
            f"give characterise.centring_error [px] ({'; '.join(failures) or 'one was named'})"
        )
    return float(np.sqrt(np.var(np.array(places), axis=0, ddof=1).mean()))
