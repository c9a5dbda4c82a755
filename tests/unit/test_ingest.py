"""Headers of every kind of file: what it is taken for, why, and which calibrations go with it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.ingest.archive import Archive, sort_archive
from exosift.ingest.exposures import exposures, night
from exosift.ingest.frame import Frame, folder_name
from exosift.instruments import described, descriptions, read_description
from tests.raw_headers import T0, at, eris, naco, nirc2, size, sphere


def no_sky(ra, _dec, mjd, _site):
    """A zenith that goes round once a day, for what does not depend on the place."""
    return np.broadcast_arrays(360 * (mjd % 1) - 180, ra)[0]


def sort(given=None, **files) -> Archive:
    """The archive of named headers."""
    headers = [
        (
            Frame(f"/raw/{name}.fits"),
            {"FILE": f"{name}.fits", **cards} if cards is not None else cards,
        )
        for name, cards in files.items()
    ]
    return sort_archive(headers, descriptions(given), no_sky)


def row(archive: Archive, name: str) -> Frame:
    return next(frame for frame in archive.frames if frame.name == f"{name}.fits")


def only(cards, given=None) -> Frame:
    return row(sort(given, a=cards), "a")


KINDS = [
    ("science", naco()),
    ("sky", naco("SKY")),
    ("dark", naco("DARK")),
    ("flat", naco("FLAT,SKY")),
    ("flat", naco("FLAT,LAMP", **{"ESO INS LAMP2 SET": 3.5})),
    ("ignore", naco("FLAT,LAMP", **{"ESO INS LAMP2 SET": 0})),
    ("ignore", naco(**{"ESO DPR CATG": "ACQUISITION"})),
    ("ignore", naco(**{"ESO DPR TECH": "SPECTRUM"})),
    ("ignore", naco("STD")),
    ("dark", naco("DARK", **{"ESO PRO CATG": "NACO_IMG_DARK_AVG"})),
    ("badpixels", naco("DARK", **{"ESO PRO CATG": "NACO_IMG_DARK_HOT"})),
    ("ignore", naco(**{"ESO PRO CATG": "COADDED_IMG"})),
    ("science", sphere()),
    ("centre", sphere(kind="OBJECT,CENTER")),
    ("flux", sphere(kind="OBJECT,FLUX")),
    ("sky", sphere(kind="SKY")),
    ("dark", sphere(kind="DARK")),
    ("dark", sphere(kind="DARK,BACKGROUND")),
    ("flat", sphere(kind="FLAT,LAMP")),
    ("wave", sphere(kind="WAVE,LAMP")),
    ("ignore", sphere(kind="OBJECT,AO")),
    ("ignore", sphere(**{"ESO DPR TECH": "POLARIMETRY,IMAGE"})),
    ("badpixels", sphere(kind="DARK", **{"ESO PRO CATG": "IRD_STATIC_BADPIXELMAP"})),
    ("science", sphere("IFS")),
    ("centre", sphere("IFS", "OBJECT,CENTER")),
    ("ignore", sphere("IFS", **size(2048, 2048))),
    ("ignore", sphere("IFS", **{"ESO PRO CATG": None})),
    ("science", eris()),
    ("science", eris(**{"ESO INS1 SCSM NAME": None, "ESO SEQ ARM": "NIX"})),
    ("sky", eris("SKY")),
    ("dark", eris("DARK")),
    ("flat", eris("FLAT,SKY")),
    ("science", nirc2()),
    ("science", nirc2(CURRINST=None, INSTRUME="NIRC2", SHRNAME=None)),
    ("dark", nirc2("dark")),
    ("dark", nirc2(SHRNAME=None, OBJECT="Dark 10s")),
    ("flat", nirc2("flat")),
    ("ignore", nirc2("flat", FLSPECTR="off")),
    ("sky", nirc2(OBJECT="HD 1160 sky")),
    ("ignore", nirc2(GRSNAME="medres")),
    ("ignore", nirc2(AXESTAT="not controlling")),
    ("ignore", size(64, 64)),
    ("ignore", naco(INSTRUME="XSHOOTER")),
]


@pytest.mark.parametrize(("kind", "cards"), KINDS, ids=range(len(KINDS)))
def test_kind_and_its_reason(kind, cards):
    cards = {keyword: value for keyword, value in cards.items() if value is not None}
    frame = only(cards)
    assert frame.kind == kind, frame.reason
    assert frame.reason


def test_reason_quotes_the_header():
    assert only(naco()).reason == "ESO DPR CATG = SCIENCE, ESO DPR TYPE = OBJECT"
    assert only(nirc2("dark")).reason == "shutter closed (SHRNAME)"
    assert "INSTRUME = XSHOOTER" in only(naco(INSTRUME="XSHOOTER")).reason
    frame = only(naco("NONSENSE"))
    assert frame.kind == "ignore"
    assert "no rule fits" in frame.reason
    assert "ESO DPR TYPE = NONSENSE" in frame.reason


def test_what_a_naco_row_holds():
    frame = only(naco())
    assert (frame.instrument, frame.target, frame.epoch) == ("VLT/NACO", "beta_Pic", "2013-02-01")
    assert (frame.filter, frame.camera, frame.window) == ("L_prime", "L27", "768x770")
    assert (frame.exposure_time, frame.ndit, frame.frames) == (0.2, 10, 10)  # the mean is no frame
    assert frame.readout == "Double_RdRstRd/HighDynamic"
    assert frame.pixel_scale == 27.19
    assert frame.seconds == pytest.approx(2.0)
    assert frame.observation == "beta_Pic/2013-02-01"


def test_what_other_rows_hold():
    frame = only(sphere(**{"ESO INS4 FILT2 NAME": "ND_2.0"}))
    assert (frame.filter, frame.neutral_density, frame.window) == ("DB_H23", "ND_2.0", "2048x1024")
    assert frame.ra == pytest.approx(15 * (10 + 57 / 60 + 3.017 / 3600))
    assert frame.dec == pytest.approx(-(68 + 40 / 60 + 2.45 / 3600))
    frame = only(sphere("IFS"))
    assert (frame.instrument, frame.filter, frame.frames) == ("VLT/SPHERE-IFS", "OBS_YJ", 1)
    frame = only(eris())
    assert (frame.camera, frame.filter, frame.pixel_scale) == ("13mas-LM", "Lp", 13.03)
    assert frame.mirrored
    frame = only(nirc2(RA="00:15:57.07", DEC="-04:15:04.0"))
    assert (frame.target, frame.camera, frame.filter) == ("HD_1160", "narrow", "Lp")
    assert (frame.ndit, frame.seconds, frame.pixel_scale) == (2, 20, 9.952)
    assert (frame.ra, frame.dec) == (pytest.approx(3.98779, abs=1e-5), pytest.approx(-4.25111))


def test_scale_of_an_unknown_camera_is_the_headers():
    frame = only(naco(**{"ESO INS OPTI7 NAME": "S13", "ESO INS PIXSCALE": 0.0132}))
    assert frame.pixel_scale == pytest.approx(13.2)
    assert math.isnan(only(naco(**{"ESO INS OPTI7 NAME": "S13"})).pixel_scale)


# Times


def seconds(mjd: float) -> float:
    """Since the first exposure began."""
    return (mjd - exposures(naco(), described("naco").raw).start) * 86400


@pytest.mark.parametrize(
    ("name", "cards", "first", "last"),
    [
        ("naco", naco(), 0.1, 1.9),
        ("naco", naco(**size(768, 770)), 1.0, 1.0),  # one plane, the mean of ten
        ("naco", naco(**size(768, 770, 8)), 0.1, 1.3),  # frames lost
        ("irdis", sphere(), 8.5, 8.5 + 3 * 17),
        ("irdis", sphere(**size(2048, 1024, 1), **{"ESO DET NDIT": 1}), 8.5, 8.5),
        ("ifs", sphere("IFS"), 8.5, 8.5),
        ("eris-nix", eris(), 1.0, 9.0),
        ("nirc2", nirc2(), 11.0, 11.0),
        ("nirc2", nirc2(seconds=82790), 82801.0, 82801.0),  # past midnight
    ],
)
def test_middle_of_the_first_and_last_exposure(name, cards, first, last):
    cards = {k: v for k, v in cards.items() if v is not None}
    taken = exposures(cards, described(name).raw)
    assert seconds(taken.first) == pytest.approx(first, abs=1e-3)
    assert seconds(taken.last) == pytest.approx(last, abs=1e-3)


def test_times_between_are_even():
    frame = only(sphere())
    np.testing.assert_allclose(np.diff(frame.times()) * 86400, 17.0, atol=1e-4)


def test_a_night_lasts_from_noon_to_noon():
    paranal, keck = described("naco").raw.site, described("nirc2").raw.site
    start = 56323.0  # 2013-01-31 0h UT
    evening, morning = start + 23.9 / 24, start + 1 + 9.5 / 24
    assert {night(t, paranal) for t in (evening, morning)} == {"2013-02-01"}
    assert night(start + 16.5 / 24, paranal) == "2013-01-31"  # before noon in Chile
    assert night(start + 16.8 / 24, paranal) == "2013-02-01"
    assert {night(start + h / 24, keck) for h in (4.5, 16)} == {"2013-01-31"}
    assert night(math.nan, keck) == ""


@pytest.mark.parametrize(
    ("name", "folder"), [("bet Pic", "bet_Pic"), ("* 51 Eri b/c", "51_Eri_b_c"), ("", "unknown")]
)
def test_names_of_folders(name, folder):
    assert folder_name(name) == folder


# Calibrations


def test_dark_is_that_of_the_exposure_time_nearest_in_time():
    archive = sort(
        a=naco(),
        near=naco("DARK", 36000),
        near2=naco("DARK", 36060),
        far=naco("DARK", -86400 * 3),
        other=naco("DARK", 60, **{"ESO DET DIT": 1.0}),
    )
    science = row(archive, "a")
    assert science.dark == row(archive, "near").set == row(archive, "near2").set
    assert science.dark.startswith("dark-2013-02-01-0.20s-768x770")
    assert science.dark_reason.startswith(
        "10 h later, 2 of the same exposure time, window, readout"
    )
    assert "nearest of 2 sets" in science.dark_reason
    assert row(archive, "far").set not in ("", science.dark)


def test_exposure_times_are_compared_to_a_hundredth():
    archive = sort(a=naco(), d=naco("DARK", 60, **{"ESO DET DIT": 0.2041}))
    assert row(archive, "a").dark
    archive = sort(a=naco(), d=naco("DARK", 60, **{"ESO DET DIT": 0.21}))
    assert not row(archive, "a").dark
    assert row(archive, "a").dark_reason == "none of exposure time 0.20s; there is 0.21s"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (size(512, 514, 11), "none of window 768x770; there is 512x514"),
        ({"ESO DET MODE NAME": "HighWell"}, "none of readout Double_RdRstRd/HighDynamic; there is"),
    ],
)
def test_why_there_is_no_dark(change, reason):
    frame = row(sort(a=naco(), d=naco("DARK", **change)), "a")
    assert frame.dark == ""
    assert frame.dark_reason.startswith(reason)


def test_darks_of_the_same_camera_are_preferred_to_nearer_ones():
    archive = sort(
        a=naco(),
        other=naco("DARK", 60, **{"ESO INS OPTI7 NAME": "S13"}),
        same=naco("DARK", 7200, **{"ESO DET DIT": 0.2}),
    )
    # Both are of one setup by what must match; the camera makes no sets of its own.
    assert row(archive, "a").dark
    archive = sort(
        a=naco(),
        other=naco("DARK", 60, **{"ESO INS OPTI7 NAME": "S13"}),
        same=naco("DARK", 86400 * 2),
    )
    assert row(archive, "a").dark == row(archive, "same").set


def test_flat_of_another_filter_is_none():
    archive = sort(
        a=naco(), f=naco("FLAT,SKY", **{"ESO INS OPTI6 NAME": "empty", "ESO INS OPTI5 NAME": "Ks"})
    )
    assert row(archive, "a").flat == ""
    assert row(archive, "a").flat_reason == "none of filter L_prime; there is Ks"


def test_centred_window_is_cut_from_a_larger_flat():
    flat = naco("FLAT,SKY", **size(1024, 1024))
    frame = row(sort(a=naco(), f=flat), "a")
    assert frame.flat
    assert "to be cut from 1024x1024" in frame.flat_reason
    small = naco("FLAT,SKY", **size(512, 514))
    assert row(sort(a=naco(), f=small), "a").flat == ""
    # IRDIS windows may lie anywhere.
    flat = sphere(kind="FLAT,LAMP", **size(2048, 2048, 4))
    assert row(sort(a=sphere(), f=flat), "a").flat == ""


def test_flat_that_does_not_tell_its_camera_may_serve():
    silent = {k: v for k, v in nirc2("flat", 60).items() if k != "CAMNAME"}
    told = nirc2("flat", 7200)
    assert row(sort(a=nirc2(), f=silent), "a").flat
    assert row(sort(a=nirc2(), f=silent, g=told), "a").flat == "flat-2013-02-01-Lp-narrow-1024x1024"
    assert not row(sort(a=nirc2(), f=told | {"CAMNAME": "wide"}), "a").flat


def test_visits_to_the_sky_are_sets_of_their_own():
    files = {"s0": naco("SKY", 0), "s1": naco("SKY", 60), "t0": naco(seconds=120)}
    files |= {"t1": naco(seconds=1000), "s2": naco("SKY", 1060)}
    archive = sort(**files)
    assert row(archive, "s0").set == row(archive, "s1").set != row(archive, "s2").set
    assert row(archive, "t0").sky == row(archive, "s1").set
    assert row(archive, "t1").sky == row(archive, "s2").set
    assert row(archive, "s2").observation == "beta_Pic/2013-02-01"


def test_master_and_raw_darks_are_not_mixed():
    master = nirc2("dark", 100, NCOMBINE=10)
    archive = sort(a=nirc2(), m=master, d=nirc2("dark", 200), e=nirc2("dark", 230))
    assert row(archive, "m").combined == 10
    assert row(archive, "d").set == row(archive, "e").set != row(archive, "m").set


def test_dark_of_other_coadds_does_not_serve_a_sum_of_coadds():
    frame = row(sort(a=nirc2(), d=nirc2("dark", 60, COADDS=10)), "a")
    assert frame.dark_reason == "none of coadds 2; there is 10"


def test_flux_and_flats_have_darks_of_their_own():
    archive = sort(
        a=sphere(),
        p=sphere(kind="OBJECT,FLUX", seconds=100, **{"ESO DET SEQ1 DIT": 2.0}),
        d2=sphere(kind="DARK", **{"ESO DET SEQ1 DIT": 2.0}),
        d16=sphere(kind="DARK"),
        f=sphere(kind="FLAT,LAMP", **{"ESO DET SEQ1 DIT": 2.0}),
    )
    assert row(archive, "a").dark == row(archive, "d16").set
    assert row(archive, "p").dark == row(archive, "f").dark == row(archive, "d2").set
    assert row(archive, "p").observation == row(archive, "a").observation == "HD_95086/2013-02-01"


def test_calibrated_cubes_need_nothing():
    archive = sort(a=sphere("IFS"))
    assert row(archive, "a").kind == "science"
    assert archive.problems == ()


def test_map_without_a_header_by_a_description_of_ones_own():
    own = {
        "name": "Keck/NIRC2",
        "telescope": "Keck II",
        "source": "my own map",
        "pixel_scale": 9.97,
        "raw": {
            "files": [{"FILE": "badpix*"}],
            "classes": [{"kind": "badpixels", "when": {}}],
            "site": {"latitude": 19.8, "longitude": -155.5},
        },
    }
    given = {"mine": read_description(own, "mine")}
    archive = sort(
        given, badpix=size(1024, 1024), a=nirc2(), small=nirc2(seconds=90, **size(512, 512))
    )
    assert row(archive, "badpix").kind == "badpixels"
    assert row(archive, "a").badpixels == row(archive, "badpix").set == "badpixels-1024x1024"
    assert row(archive, "a").badpixels_reason.startswith("undated, 1 of the same window")


def test_generic_instrument():
    own = {
        "name": "Mine",
        "telescope": "My 3 m",
        "source": "me",
        "pixel_scale": 20.0,
        "true_north": 1.5,
        "raw": {
            "files": [{"CAMERA": "mycam"}],
            "keywords": {"exposure_time": "TEXP", "filter": "BAND", "parang_start": "ROT"},
            "classes": [
                {"kind": "dark", "when": {"LAMP": 0, "OPEN": False}},
                {"kind": "sky", "when": {"TARGET": ["sky*", "blank*"]}},
                {"kind": "science", "when": {"OPEN": True, "BAD": None}},
            ],
            "rotation": {"recipe": "header", "offset": 10},
            "site": {"latitude": 30, "longitude": -110},
        },
    }
    given = {"mine": read_description(own, "mine")}
    common = {**size(64, 64), "CAMERA": "MyCam", "TEXP": 3, "BAND": "H", "DATE-OBS": at(0)}
    science = {**common, "OPEN": True, "ROT": 100.0, "OBJECT": "T"}
    archive = sort(
        given,
        a=science,
        bad=science | {"BAD": 1, "DATE-OBS": at(9)},
        sky=common | {"TARGET": "Blank field", "DATE-OBS": at(20)},
        dark=common | {"LAMP": 0, "OPEN": False},
    )
    kinds = {frame.name: frame.kind for frame in archive.frames}
    assert kinds == {
        "a.fits": "science",
        "bad.fits": "ignore",
        "sky.fits": "sky",
        "dark.fits": "dark",
    }
    frame = row(archive, "a")
    assert frame.angle_first == frame.angle_last == 111.5
    assert frame.dark
    assert frame.sky


# Observations, and what is wrong


def test_observations_are_summed_up():
    archive = sort(a=naco(), b=naco(seconds=3600), s=naco("SKY", 7200))
    (found,) = archive.observations
    assert (found.label, found.files) == ("beta_Pic/2013-02-01", {"science": 2, "sky": 1})
    assert found.seconds == pytest.approx(4.0)
    assert found.rotation == pytest.approx(15, abs=0.1)


def lines(archive: Archive, about: str) -> list[str]:
    return [problem.line for problem in archive.problems if about in problem.line]


def test_few_shorter_exposures_are_of_the_star():
    files = {f"a{n}": naco(seconds=10 * n) for n in range(8)}
    short = {"ESO DET DIT": 0.02, "ESO INS OPTI4 NAME": "ND_Long", **size(512, 514, 11)}
    archive = sort(**files, p=naco(seconds=200, **short))
    star = row(archive, "p")
    assert star.kind == "flux"
    assert star.reason.startswith("0.02 s for the 0.20 s, ND_Long for the no density")
    assert star.observation == row(archive, "a0").observation
    assert not lines(archive, "left out")


@pytest.mark.parametrize("make", [eris, nirc2])
def test_so_are_those_of_other_instruments(make):
    word = "ITIME" if make is nirc2 else "ESO DET SEQ1 DIT"
    files = {f"a{n}": make(seconds=100 * n) for n in range(3)}
    archive = sort(**files, p=make(seconds=900, **{word: 0.1}))
    assert [frame.kind for frame in archive.frames] == [*["science"] * 3, "flux"]


def test_science_of_two_exposure_times_is_told():
    files = {f"a{n}": naco(seconds=10 * n) for n in range(3)}
    files |= {f"b{n}": naco(seconds=100 + 10 * n, **{"ESO DET DIT": 0.15}) for n in range(2)}
    archive = sort(**files)
    assert row(archive, "b0").kind == "ignore"
    (line,) = lines(archive, "left out")
    assert line.startswith("beta_Pic/2013-02-01: b0.fits and 1 more: 0.15 s for the 0.20 s")


def test_mixed_filters_become_observations_of_their_own():
    archive = sort(a=naco(), b=naco(seconds=60, **{"ESO INS OPTI6 NAME": "NB_4.05"}))
    labels = [found.label for found in archive.observations]
    assert labels == ["beta_Pic/2013-02-01-L_prime", "beta_Pic/2013-02-01-NB_4.05"]
    (line,) = lines(archive, "mixed filters")
    assert "L_prime L27 (a.fits), NB_4.05 L27 (b.fits)" in line


def test_two_instruments_at_once_are_no_fault():
    archive = sort(a=sphere(), b=sphere("IFS"))
    assert [f.label for f in archive.observations] == [
        "HD_95086/2013-02-01-DB_H23",
        "HD_95086/2013-02-01-OBS_YJ",
    ]
    assert not lines(archive, "mixed") + lines(archive, "same exposure")


def test_epoch_without_science_does_not_stop_another():
    archive = sort(
        a=sphere(),
        c=sphere(kind="OBJECT,CENTER", seconds=86400 * 5),
        p=sphere(kind="OBJECT,FLUX", seconds=86400 * 5 + 60),
    )
    assert [found.label for found in archive.observations] == ["HD_95086/2013-02-01"]
    (line,) = lines(archive, "no science frame")
    assert line.startswith("HD_95086/2013-02-06-DB_H23: no science frame (1 centre, 1 flux; c.fits")


def test_sky_under_a_name_of_its_own_is_no_epoch_without_science():
    archive = sort(a=nirc2(), s=nirc2(seconds=60, OBJECT="sky"))
    assert not lines(archive, "no science")
    assert row(archive, "a").sky == row(archive, "s").set


def test_no_dark_and_no_sky_are_told_once():
    archive = sort(a=naco(), b=naco(seconds=60), d=naco("DARK", **{"ESO DET DIT": 1.0}))
    (line,) = lines(archive, "no dark")
    assert line == (
        "beta_Pic/2013-02-01: no dark for a.fits and its like (ESO DET DIT): none of exposure time "
        "0.20s; there is 1.00s; add one of these, or calibrate without"
    )
    assert len(lines(archive, "no sky")) == 1


def test_sky_of_the_same_exposures_spares_the_dark():
    archive = sort(a=naco(), s=naco("SKY", 60))
    assert not lines(archive, "no dark") + lines(archive, "no sky")
    assert row(archive, "a").dark == ""


@pytest.mark.parametrize(
    ("cards", "missing"),
    [
        (naco(**{"ESO ADA PUPILPOS": None, "ESO ADA POSANG": None}), "ESO ADA PUPILPOS"),
        (naco(**{"ESO TEL ROT ALTAZTRACK": False, "ESO ADA POSANG": None}), "ESO ADA POSANG"),
        (naco(RA=None), "(RA, DEC) nor parallactic angles (ESO TEL PARANG START"),
        (sphere(**{"ESO INS4 DROT2 BEGIN": None}), "ESO INS4 DROT2 BEGIN"),
        (sphere(**{"ESO TEL ALT": None}), "ESO TEL ALT"),
        (sphere(**{"ESO INS4 DROT2 MODE": "STAT"}), "ESO INS4 DROT2 MODE is STAT"),
        (sphere(**{"ESO INS4 DROT2 MODE": None}), "ESO INS4 DROT2 MODE is absent"),
        (eris(**{"ESO ADA POSANG": None}), "ESO ADA POSANG"),
        (eris(**{"ESO ADA POSANG END": 34.0}), "ESO ADA POSANG and ESO TEL PARANG move the same"),
        (nirc2(ROTPOSN=None), "ROTPOSN"),
        (nirc2(ROTMODE="stationary"), "ROTMODE is stationary"),
        (nirc2(DEC=None), "(RA, DEC)"),
    ],
)
def test_header_without_angles_leaves_the_file_out(cards, missing):
    cards = {k: v for k, v in cards.items() if v is not None}
    archive = sort(bad=cards, good=naco(seconds=86400 * 9))
    assert row(archive, "bad").kind == "ignore"
    assert [found.label for found in archive.observations] == ["beta_Pic/2013-02-10"]
    (line,) = lines(archive, "/raw/bad.fits")
    assert missing in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("cards", "line"),
    [
        (
            naco(**{"ESO DET DIT": None}),
            "no exposure time in the header (ESO DET DIT), which a sci",
        ),
        (naco("DARK", **{"ESO DET DIT": None}), "no exposure time in the header (ESO DET DIT), wh"),
        (naco(**{"DATE-OBS": None}), "no date in the header (DATE-OBS)"),
        (naco(**{"DATE-OBS": "yesterday"}), "DATE-OBS is 'yesterday', expected YYYY-MM-DDThh"),
        (
            naco(**{"ESO DET DIT": -1.0}),
            "its exposures would take -10 s; correct DATE-OBS, ESO DET DIT, ESO DET NDIT or",
        ),
        (nirc2(EXPSTART="25:00:00"), "DATE-OBS+EXPSTART"),
    ],
)
def test_header_that_lacks_what_its_kind_needs(cards, line):
    archive = sort(a={k: v for k, v in cards.items() if v is not None}, b=naco(seconds=60))
    assert row(archive, "a").kind == "ignore"
    (told,) = lines(archive, "/raw/a.fits")
    assert line in told
    assert row(archive, "b").kind == "science"


def test_file_that_appears_twice():
    archive = sort(a=naco(), b=naco(), c=naco(seconds=2.5))
    assert [frame.kind for frame in archive.frames] == ["science", "ignore", "science"]
    (line,) = lines(archive, "the same exposure")
    assert line == ("/raw/b.fits: the same exposure as a.fits (DATE-OBS); remove one of the two")
    sums = [{"DATAMD5": text} for text in ("x", "y")]
    assert not lines(sort(a=naco(**sums[0]), b=naco(**sums[1])), "the same")


def test_cubes_cut_from_one_raw_file_are_not_doubles():
    archive = sort(a=sphere("IFS"), b=sphere("IFS"))
    assert not lines(archive, "the same exposure")


def test_unreadable_file_and_strangers_are_told():
    headers = [
        (Frame("/raw/broken.fits"), BadInput("/raw/broken.fits: truncated; fetch it again")),
        (Frame("/raw/x.fits"), {"INSTRUME": "UVES"}),
        (Frame("/raw/y.fits"), {"INSTRUME": "UVES"}),
        (Frame("/raw/a.fits"), naco()),
    ]
    archive = sort_archive(headers, descriptions(), no_sky)
    assert [frame.name for frame in archive.frames] == ["a.fits", "broken.fits", "x.fits", "y.fits"]
    assert row(archive, "broken").reason == "/raw/broken.fits: truncated; fetch it again"
    told = [problem.line for problem in archive.problems if not problem.observation]
    assert told[0] == "/raw/broken.fits: truncated; fetch it again"
    assert told[1].startswith("/raw/x.fits and 1 more: no instrument's description fits")
    assert len(archive.observations) == 1


@pytest.mark.parametrize("make", [naco, sphere, eris, nirc2])
def test_no_odd_value_stops_the_others(make):
    odd = [(key, v) for key in make() for v in ("", "x", "1:b:2", -1, 0, 1e99, True, 3.7)]
    files = {f"odd{n}": make(seconds=100 * n) | {k: v} for n, (k, v) in enumerate(odd)}
    archive = sort(**files, good=make(seconds=86400 * 40))
    assert row(archive, "good").kind == "science"
    assert all(frame.reason for frame in archive.frames)
    told = [row(archive, f"odd{n}") for n, (k, v) in enumerate(odd) if (k, v) == ("DATE-OBS", "x")]
    assert told[0].kind == "ignore"


def test_undated_maps_do_not_upset_the_order_of_visits():
    own = {
        "name": "VLT/NACO",
        "telescope": "VLT",
        "source": "me",
        "pixel_scale": 27,
        "raw": {
            "files": [{"FILE": "map*"}],
            "classes": [{"kind": "badpixels", "when": {}}],
            "site": {"latitude": -24.6, "longitude": -70.4},
        },
    }
    files = {"s0": naco("SKY", 600), "map1": size(768, 770), "t0": naco(seconds=300)}
    files |= {"s1": naco("SKY", 0), "map2": size(512, 514), "s2": naco("SKY", 30)}
    archive = sort({"mine": read_description(own, "mine")}, **files)
    assert row(archive, "s1").set == row(archive, "s2").set != row(archive, "s0").set


def test_order_of_the_files_does_not_matter():
    files = {f"a{n}": naco(seconds=n * 30) for n in range(4)}
    files |= {"s": naco("SKY", 200), "d": naco("DARK", 300), "f": naco("FLAT,SKY", 900)}
    forth, back = sort(**files), sort(**dict(reversed(files.items())))
    assert forth.frames == back.frames


def test_nothing_of_a_frame_is_lost_by_its_times():
    frame = only(naco())
    assert replace(frame, frames=1).times() == frame.mjd_first
    assert T0.year == 2013
