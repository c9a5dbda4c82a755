"""Numbers as astronomers write them: S/N 11.8, 452 mas, 210.9°, 3×10⁻⁶; a dash for no number."""

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NONE = "–"

# Smaller probabilities are told as less than this: no noise has a tail that is known so far.
_LEAST = 1e-12


def decimal(value: float, places: int = 1) -> str:
    """`value` with fixed decimals and a true minus sign."""
    return f"{value:.{places}f}".replace("-", "−") if math.isfinite(value) else _NONE


def separation(mas: float) -> str:
    """An angular separation [mas]."""
    return f"{decimal(mas, 0)} mas" if math.isfinite(mas) else _NONE


def angle(degrees: float) -> str:
    """An angle [deg] to a tenth."""
    return f"{decimal(degrees)}°" if math.isfinite(degrees) else _NONE


def position_angle(degrees: float) -> str:
    """A position angle [deg] to a tenth, in [0, 360): 359.98 is 0.0°, not 360.0°."""
    return angle(round(degrees, 1) % 360.0) if math.isfinite(degrees) else _NONE


def fraction(value: float) -> str:
    """A probability to one figure: 0.02 down to a hundredth, powers of ten below, to 10⁻¹²."""
    if not math.isfinite(value):
        return _NONE
    if value < _LEAST:
        return f"<{_power(-12)}"
    if value >= 0.01:
        return f"{value:.2f}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}×{_power(int(exponent))}"


def _power(exponent: int) -> str:
    return "10" + str(exponent).translate(_SUPERSCRIPT)
