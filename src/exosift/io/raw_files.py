"""Raw files as VLT/NACO and Keck/NIRC2 write them: names, planes and headers.

Keywords and their formats follow real headers; of the hundreds there, those that say what a file is
and how it was taken.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from exosift.io.atomic import whole
from exosift.io.horizon import Horizontal
from exosift.simulate.archive import Flavour
from exosift.simulate.dates import DAY, date_of
from exosift.simulate.nights import RawFile
from exosift.types import Floats, Point

Cards = dict[str, Any]

SETUPS: dict[Flavour, tuple[str, str]] = {"naco": ("L27", "L_prime"), "nirc2": ("narrow", "Ks")}
"""Camera and filter."""

_PUPIL = 74.6  # deg, NACO's PUPILPOS on 2013-02-01
_ROTATOR, _INSTRUMENT = 4.43, 0.70  # deg, NIRC2's ROTPOSN and INSTANGL


@dataclass(frozen=True, eq=False)
class Taken:
    """A file and where the telescope was: target's name and place (ra, dec) [deg], the horizon at
    the beginning and end of the file, and its number in the night."""

    file: RawFile
    target: str
    place: Point
    horizon: Horizontal
    number: int


def angle_offset(flavour: Flavour) -> float:
    """What turns a frame North up besides the zenith's position angle and true North [deg].

    NACO's pupil stands at PUPILPOS − (90 + 89.44), NIRC2's at ROTPOSN − INSTANGL.
    """
    return _PUPIL - (90 + 89.44) if flavour == "naco" else _ROTATOR - _INSTRUMENT


def write_raw(folder: Path, flavour: Flavour, taken: Taken, counts: Floats) -> Path:
    """Write counts (exposure, y, x) as one file of its instrument; returns where.

    NACO: a cube and its mean, float32, or the mean alone; NIRC2: the sum of the coadds, int32.
    """
    if flavour == "naco":
        mean = counts.mean(axis=0)
        data = np.stack([*counts, mean]) if taken.file.cube else mean
        data, cards = data.astype(np.float32), naco(taken, counts.shape[-1])
        name = f"NACO.{date_of(taken.file.mjd).replace(':', '_')}.fits"
    else:
        data, cards = counts.sum(axis=0).astype(np.int32), nirc2(taken)
        name = f"n{taken.number + 1:04d}.fits"
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # long ESO keywords become HIERARCH cards
        header.update(cards)
    path = folder / name
    with whole(path) as partial:
        fits.PrimaryHDU(data, header).writeto(partial, overwrite=True)
    return path


_NACO: Cards = {
    "ORIGIN": "ESO",
    "TELESCOP": "ESO-VLT-U4",
    "INSTRUME": "NAOS+CONICA",
    "EQUINOX": 2000.0,
    "ESO DPR TECH": "IMAGE",
    "ESO DET NCORRS NAME": "Uncorr",
    "ESO DET MODE NAME": "HighDynamic",
    "ESO INS OPTI1 NAME": "AGPM",
    "ESO INS OPTI4 NAME": "empty",
    "ESO INS OPTI5 NAME": "empty",
    "ESO INS OPTI6 NAME": "L_prime",
    "ESO INS OPTI7 NAME": "L27",
    "ESO INS PIXSCALE": 0.02719,
}
_NACO_KINDS = {"flux": "OBJECT", "science": "OBJECT", "flat": "FLAT,LAMP"}


def naco(taken: Taken, size: int) -> Cards:
    """Header of a NACO file, pupil still, in L′ with the L27 camera."""
    one = taken.file
    kind = _NACO_KINDS.get(one.kind, one.kind.upper())
    return {
        **_NACO,
        "OBJECT": taken.target if kind == "OBJECT" else kind,
        "DATE-OBS": date_of(one.mjd),
        "MJD-OBS": round(one.mjd, 8),
        "UTC": round(one.mjd % 1 * DAY, 3),
        "LST": round(float(taken.horizon.sidereal[0]) * 240, 3),
        "EXPTIME": one.seconds,
        "ESO DPR CATG": "SCIENCE" if kind in ("OBJECT", "SKY") else "CALIB",
        "ESO DPR TYPE": kind,
        "ESO DET DIT": one.seconds,
        "ESO DET NDIT": one.count,
        "ESO DET WIN NX": size,
        "ESO DET WIN NY": size,
        **({"ESO INS LAMP2 SET": 1} if one.kind == "flat" else {}),
        **(_naco_telescope(taken) if kind in ("OBJECT", "SKY") else {}),
    }


def _naco_telescope(taken: Taken) -> Cards:
    """Where the telescope was; ESO's parallactic angle is from North of date."""
    sky = taken.horizon
    return {
        "RA": round(taken.place[0], 6),
        "DEC": round(taken.place[1], 6),
        "ESO OBS TARG NAME": taken.target,
        "ESO TEL ALT": round(float(sky.altitude[0]), 3),
        "ESO TEL AZ": round(float((sky.azimuth[0] + 180) % 360), 3),  # from South
        "ESO TEL AIRM START": _airmass(sky.altitude[0]),
        "ESO TEL AIRM END": _airmass(sky.altitude[1]),
        "ESO TEL PARANG START": round(float(sky.parallactic[0]), 3),
        "ESO TEL PARANG END": round(float(sky.parallactic[1]), 3),
        "ESO TEL ROT ALTAZTRACK": True,
        "ESO ADA PUPILPOS": _PUPIL,
        "ESO ADA POSANG": round(float((_PUPIL + sky.zenith[0]) % 360 - 180), 3),
    }


_NIRC2: Cards = {
    "TELESCOP": "Keck II",
    "CURRINST": "NIRC2",
    "SAMPMODE": 2,
    "MULTISAM": 1,
    "CAMNAME": "narrow",
    "FWINAME": "Ks",
    "FWONAME": "clear",
    "FILTER": "Ks + clear",
    "GRSNAME": "clear",
    "PMSNAME": "incircle",
    "FLIMAGIN": "off",
    "EQUINOX": 2000.0,
    "ROTMODE": "vertical angle",
    "ROTPOSN": _ROTATOR,
    "INSTANGL": _INSTRUMENT,
}


def nirc2(taken: Taken) -> Cards:
    """Header of a NIRC2 file, vertical angle (pupil still), in Ks with the narrow camera."""
    one = taken.file
    dome = one.kind in ("flat", "dark")
    start, stop = date_of(one.mjd), date_of(one.mjd + one.lasts / DAY)
    names = {"sky": f"{taken.target} sky", "flat": "domeflat", "dark": "dark"}
    return {
        **_NIRC2,
        "OUTDIR": f"/sdata903/nirc/{start[:10]}/",
        "FRAMENO": taken.number + 1,
        "FILENAME": f"n{taken.number + 1:04d}.fits",
        "OBJECT": names.get(one.kind, taken.target),
        "TARGNAME": taken.target,
        "DATE-OBS": start[:10],
        "UTC": start[11:22],
        "EXPSTART": start[11:],
        "EXPSTOP": stop[11:],
        "MJD-OBS": round(one.mjd, 8),
        "ITIME": one.seconds,
        "COADDS": one.count,
        "SLSNAME": "corona600" if one.kind == "science" else "clear",
        "SHRNAME": "closed" if one.kind == "dark" else "open",
        "FLSPECTR": "on" if one.kind == "flat" else "off",
        "AXESTAT": "not controlling" if dome else "tracking",
        **({"EL": 45.0, "AZ": 90.0, "PARANG": 0.0} if dome else _nirc2_telescope(taken)),
    }


def _nirc2_telescope(taken: Taken) -> Cards:
    """Where the telescope was; the parallactic angle is from North of 2000, as in real headers."""
    sky = taken.horizon
    return {
        "RA": round(taken.place[0], 6),
        "DEC": round(taken.place[1], 6),
        "EL": round(float(sky.altitude[0]), 5),
        "AZ": round(float(sky.azimuth[0]), 5),
        "HA": round(float(sky.hour_angle[0]), 5),
        "AIRMASS": _airmass(sky.altitude[0]),
        "PARANG": round(float((sky.zenith[0] + 180) % 360 - 180), 5),
    }


def _airmass(altitude: float) -> float:
    """Secant of the zenith distance, altitude [deg]."""
    return round(float(1 / np.sin(np.radians(altitude))), 3)
