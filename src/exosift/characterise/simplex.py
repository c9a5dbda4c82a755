"""The best negative companion by Nelder & Mead's simplex (1965, Comput. J. 7, 308)."""

from dataclasses import dataclass, replace

import numpy as np

from exosift.characterise.merit import Merit, NegativeCompanion, noise_on_ring
from exosift.errors import Failed
from exosift.geometry.grid import pixel_position
from exosift.limits.recovery import Field
from exosift.photometry.apertures import aperture_flux
from exosift.types import Floats

# First steps of the simplex [px], and of the flux, as a share; where it ends, in the same units.
_STEP, _SHARE, _END, _EVALUATIONS = 0.3, 0.1, 1e-3, 400

# Fluxes tried at first: times what is left of it in the image, of which a reduction takes most.
_FLUXES = np.geomspace(0.5, 16.0, 11)

# The aperture follows a companion farther than this [FWHM] from where it was looked for.
_FAR = 0.1

# Nearer than this share to the end of its reach it is the flank of something else.
_EDGE = 0.95


@dataclass(frozen=True, eq=False)
class Best:
    """Where the merit is least: place (3,) as `merit` has it; how often it was looked up."""

    place: Floats
    merit: float
    evaluations: int
    negative: NegativeCompanion


def first_guess(negative: NegativeCompanion) -> Floats:
    """Place (3,): where it is looked for, with that of a few fluxes which leaves least."""
    field = negative.field
    x, y = negative.corridor.place
    image = np.nan_to_num(field.image)
    seen = aperture_flux(image, x, y, field.fwhm / 2)
    noise = float(np.std(image[~field.unseen])) * field.fwhm
    moved = np.zeros((len(_FLUXES), 3))
    moved[:, 2] = max(seen, noise) * _FLUXES
    tried = negative.polar(moved)
    plain = replace(negative, merit=replace(negative.merit, kind="sum"))
    return np.asarray(tried[int(plain.of(tried).argmin())])


def minimised(negative: NegativeCompanion, start: Floats) -> Best:
    """Least merit near a place (3,); raises Failed where the simplex does not close."""
    from scipy.optimize import minimize  # slow to load

    x0, y0 = negative.corridor.place
    star = negative.field.injected.sequence.observation.star
    x, y = pixel_position(float(start[0]), float(start[1]), star)
    scale = np.array([_STEP, _STEP, _SHARE * start[2]])
    origin = np.array([x - x0, y - y0, start[2]])

    reach = negative.merit.reach * negative.field.fwhm

    def merit(steps: Floats) -> float:
        moved = origin + steps * scale
        if np.hypot(moved[0], moved[1]) > reach:
            return np.inf
        return float(negative.of(negative.polar(moved[None]))[0])

    simplex = np.vstack([np.zeros(3), np.eye(3)])
    options = {
        "initial_simplex": simplex,
        "xatol": _END / _STEP,
        "fatol": np.inf,
        "maxfev": _EVALUATIONS,
    }
    found = minimize(merit, np.zeros(3), method="Nelder-Mead", options=options)
    if not found.success:
        raise Failed(
            f"the negative companion at {start[0]:.2f} px, {start[1]:.1f}° was not found in "
            f"{_EVALUATIONS} trials; give a better first guess"
        )
    place = negative.polar((origin + found.x * scale)[None])[0]
    return Best(place, float(found.fun), int(found.nfev), negative)


def best(field: Field, separation: float, position_angle: float, merit: Merit) -> Best:
    """The companion near a place [px, deg]; the aperture is moved onto it once, where it is far.

    χ² takes its noise from the ring around the star, the companion of the first guess being taken
    out. Raises BadInput where nothing can be measured, Failed where there is no companion.
    """
    negative = NegativeCompanion.at(field, separation, position_angle, merit)
    plain = replace(negative, merit=replace(merit, kind="sum"))
    first = minimised(plain, first_guess(negative)).place
    x, y = pixel_position(float(first[0]), float(first[1]), (0.0, 0.0))
    x0, y0 = pixel_position(separation, position_angle, (0.0, 0.0))
    moved = float(np.hypot(x - x0, y - y0)) / field.fwhm
    if moved > _EDGE * merit.reach or first[2] <= 0:
        raise Failed(
            f"no companion at {separation:.2f} px, {position_angle:.1f}°: the least residual lies "
            f"{moved:.2f} FWHM away, with a flux of {first[2]:.4g}; give a better first guess"
        )
    if moved > _FAR:
        negative = NegativeCompanion.at(field, float(first[0]), float(first[1]), merit)
    if merit.kind == "chi2":
        mean, sigma = noise_on_ring(field, first)
        negative = replace(negative, mean=mean, sigma=sigma)
    return minimised(negative, first)
