"""Headers as instruments write them, and FITS files with holes for data."""

import gzip
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from astropy.io import fits

Cards = dict[str, Any]

T0 = datetime(2013, 2, 1, 1, 0, 0)
"""When the first exposure begins (UTC): in the night that ends on 2013-02-01 in Chile."""

BETAPIC = {"ra": 86.82120, "dec": -51.06651}


def at(seconds: float) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def size(*axes: int) -> Cards:
    names = {f"NAXIS{n + 1}": length for n, length in enumerate(axes)}
    return {"SIMPLE": True, "BITPIX": 16, "NAXIS": len(axes), **names}


def naco(kind: str = "OBJECT", seconds: float = 0.0, **more: Any) -> Cards:
    """A NACO cube of 10 exposures of 0.2 s, and their mean."""
    category = "SCIENCE" if kind in ("OBJECT", "SKY") else "CALIB"
    return {
        **size(768, 770, 11),
        "INSTRUME": "NAOS+CONICA",
        "OBJECT": "beta Pic" if kind == "OBJECT" else kind,
        "RA": BETAPIC["ra"],
        "DEC": BETAPIC["dec"],
        "DATE-OBS": at(seconds),
        "ESO OBS TARG NAME": "beta Pic",
        "ESO DPR CATG": category,
        "ESO DPR TYPE": kind,
        "ESO DPR TECH": "IMAGE",
        "ESO DET DIT": 0.2,
        "ESO DET NDIT": 10,
        "ESO DET NCORRS NAME": "Double_RdRstRd",
        "ESO DET MODE NAME": "HighDynamic",
        "ESO INS OPTI4 NAME": "empty",
        "ESO INS OPTI5 NAME": "empty",
        "ESO INS OPTI6 NAME": "L_prime",
        "ESO INS OPTI7 NAME": "L27",
        "ESO TEL ROT ALTAZTRACK": True,
        "ESO ADA PUPILPOS": 74.6,
        "ESO ADA POSANG": 12.0,
        **more,
    }


def sphere(arm: str = "IRDIS", kind: str = "OBJECT", seconds: float = 0.0, **more: Any) -> Cards:
    """IRDIS: a cube of 4 exposures of 16 s, 17 s apart; IFS: one calibrated cube."""
    axes = (2048, 1024, 4) if arm == "IRDIS" else (290, 290, 39)
    ndit = 4 if arm == "IRDIS" else 1
    product = {} if arm == "IRDIS" else {"ESO PRO CATG": "IFS_SCIENCE_DR"}
    return {
        **size(*axes),
        "INSTRUME": "SPHERE",
        "OBJECT": "HD 95086",
        "DATE-OBS": at(seconds),
        "ESO SEQ ARM": arm,
        "ESO OBS TARG NAME": "HD 95086",
        "ESO DPR CATG": "SCIENCE" if kind.startswith(("OBJECT", "SKY")) else "CALIB",
        "ESO DPR TYPE": kind,
        "ESO DPR TECH": "IMAGE,DUAL",
        "ESO DET SEQ1 DIT": 16.0,
        "ESO DET NDIT": ndit,
        "ESO DET DITDELAY": 0.5,
        "ESO DET FRAM UTC": at(seconds + 17.0 * ndit),
        "ESO INS COMB IFLT": "DB_H23",
        "ESO INS2 COMB IFS": "OBS_YJ",
        "ESO INS4 FILT2 NAME": "OPEN",
        "ESO INS4 DROT2 MODE": "ELEV",
        "ESO INS4 DROT2 RA": 105703.017,
        "ESO INS4 DROT2 DEC": -684002.45,
        "ESO INS4 DROT2 BEGIN": 20.0,
        "ESO TEL ALT": 45.0,
        **product,
        **more,
    }


def eris(kind: str = "OBJECT", seconds: float = 0.0, **more: Any) -> Cards:
    """An ERIS-NIX cube of 5 exposures of 2 s."""
    return {
        **size(2048, 2048, 5),
        "INSTRUME": "ERIS",
        "ESO INS1 SCSM NAME": "NIX",
        "OBJECT": "beta Pic",
        "RA": BETAPIC["ra"],
        "DEC": BETAPIC["dec"],
        "DATE-OBS": at(seconds),
        "ESO DPR CATG": "SCIENCE" if kind in ("OBJECT", "SKY") else "CALIB",
        "ESO DPR TYPE": kind,
        "ESO DET SEQ1 DIT": 2.0,
        "ESO DET NDIT": 5,
        "ESO DET READ CURNAME": "SLOW_GR_UTR",
        "ESO INS2 NXCW NAME": "13mas-LM",
        "ESO INS2 NXFW NAME": "Lp",
        "ESO TEL PARANG START": -20.0,
        "ESO TEL PARANG END": -19.0,
        "ESO ADA POSANG": 33.0,
        "ESO ADA POSANG END": 32.0,
        **more,
    }


def nirc2(kind: str = "science", seconds: float = 0.0, **more: Any) -> Cards:
    """A NIRC2 frame of 2 coadds of 10 s, in 22 s."""
    start, end = T0 + timedelta(seconds=seconds), T0 + timedelta(seconds=seconds + 22)
    flat = kind == "flat"
    return {
        **size(1024, 1024),
        "CURRINST": "NIRC2",
        "OBJECT": "domeflat" if flat else "HD 1160",
        "TARGNAME": "tt004",
        "RA": 3.9878,
        "DEC": 4.2511,
        "DATE-OBS": start.date().isoformat(),
        "EXPSTART": start.time().isoformat(timespec="milliseconds"),
        "EXPSTOP": end.time().isoformat(timespec="milliseconds"),
        "ITIME": 10.0,
        "COADDS": 2,
        "SAMPMODE": 2,
        "MULTISAM": 1,
        "CAMNAME": "narrow",
        "FWINAME": "Lp",
        "FWONAME": "clear",
        "GRSNAME": "clear",
        "SHRNAME": "closed" if kind == "dark" else "open",
        "FLSPECTR": "on" if flat else "off",
        "FLIMAGIN": "off",
        "AXESTAT": "not controlling" if flat else "tracking",
        "ROTMODE": "vertical angle",
        "ROTPOSN": 4.4,
        "INSTANGL": 0.7,
        "PARANG": 10.0,
        **more,
    }


def write(path: Path, cards: Cards) -> Path:
    """A FITS file with these cards, its data a hole; packed when the name ends in .gz."""
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # long ESO keywords become HIERARCH cards
        for keyword, value in cards.items():
            if value is not None:
                header[keyword] = value
    axes = [cards[f"NAXIS{n + 1}"] for n in range(cards["NAXIS"])]
    data = abs(cards["BITPIX"]) // 8
    for length in axes:
        data *= length
    text = header.tostring().encode()
    padded = -(-data // 2880) * 2880 if axes else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text + bytes(padded), 1))
    else:
        path.write_bytes(text)
        with path.open("r+b") as file:
            file.truncate(len(text) + padded)
    return path
