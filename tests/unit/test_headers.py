"""Headers are read as astropy reads them, but for the data, which are not read at all."""

import gzip
import warnings
from pathlib import Path

import pytest
from astropy.io import fits

from exosift.errors import BadInput
from exosift.io.headers import fits_files, read_header
from tests.conftest import DATA
from tests.raw_headers import naco, nirc2, size, sphere, write

ODD = {
    "TEXT": "it's / a 'quoted' one",
    "EMPTY": "",
    "NUMBER": -1.5e-7,
    "COUNT": -12,
    "TRUE": True,
    "FALSE": False,
    "UNDER_SC": 1,
    "ESO INS OPTI4 NAME": "ND_Long",
    "ESO TEL ROT ALTAZTRACK": True,
    "ESO SEQ CUMOFFSETX": -3.25,
}


@pytest.mark.parametrize(
    "cards", [naco(**ODD), sphere(), sphere("IFS"), nirc2(), size()], ids=lambda c: str(len(c))
)
@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_values_are_those_that_astropy_reads(tmp_path, cards, name):
    path = write(tmp_path / name, cards)
    with fits.open(path) as units:
        expected = dict(units[0].header.items())
    found = dict(read_header(path))
    assert found.pop("FILE") == name
    assert found == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}


def test_cards_as_real_files_have_them(tmp_path):
    lines = [
        "SIMPLE  =                    T / Tape is in Fits format",
        "NAXIS   =                    0",
        "TELESCOP= 'Keck II           ' / Telescope",
        "TELESCOP= 'again             '",
        "COMMENT = '                  ' / Comment",
        "COMMENT  it = 5, they say",
        "NOTHING =                      / undefined",
        "DOUBLE  =              1.5D+03",
        "HIERARCH ESO DET FRAM UTC = '2013-02-01T00:00:00.1234' / Time Recv Frame",
        "END",
    ]
    path = tmp_path / "a.fits"
    path.write_bytes("".join(line.ljust(80) for line in lines).ljust(2880).encode())
    found = read_header(path)
    assert found["TELESCOP"] == "Keck II"
    assert found["DOUBLE"] == 1500.0
    assert found["ESO DET FRAM UTC"] == "2013-02-01T00:00:00.1234"
    assert "NOTHING" not in found
    assert "it" not in found


@pytest.mark.real_data
def test_real_header_with_a_malformed_end(real_nirc2):
    found = read_header(real_nirc2 / "n0031.fits.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about that end
        with fits.open(real_nirc2 / "n0031.fits.gz", ignore_missing_end=True) as units:
            expected = units[0].header
    assert len(found) > 150
    for keyword in ("ITIME", "MJD-OBS", "FILTER", "RA", "ROTMODE", "OBJECT", "COADDS", "TELESCOP"):
        assert found[keyword] == expected[keyword], keyword


@pytest.fixture
def real_nirc2() -> Path:
    folder = DATA / "nirc2_raw_ks"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    return folder


def cut(path: Path, keep: float) -> None:
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
@pytest.mark.parametrize("keep", [0.9, 0.5, 0.1])
def test_truncated_file(tmp_path, name, keep):
    path = write(tmp_path / name, size(64, 64) | ODD)
    read_header(path)
    cut(path, keep)
    with pytest.raises(BadInput, match=r"a\.fits.*(truncated|unreadable).*fetch or copy") as caught:
        read_header(path)
    assert "\n" not in str(caught.value)


def test_truncated_within_the_header(tmp_path):
    path = write(tmp_path / "a.fits", naco())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadInput, match="truncated within its header"):
        read_header(path)


def test_what_follows_the_first_image_does_not_matter(tmp_path):
    path = write(tmp_path / "a.fits", size(16, 16))
    with path.open("ab") as file:
        file.write(b"\0XTENSION= rubbish" * 50)
    assert read_header(path)["NAXIS1"] == 16
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))  # not in whole blocks: read through
    assert read_header(packed)["NAXIS1"] == 16


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.fits", b"hello" * 1000, "not FITS (it does not begin with SIMPLE)"),
        ("a.fits", b"", "not FITS"),
        ("a.fits.gz", b"hello", "unreadable"),
        ("a.fits.Z", b"x", "unpack it with uncompress"),
        ("a.fits.fz", b"x", "unpack it with funpack"),
        ("a.fits", b"SIMPLE  =".ljust(2880) * 1001, "no END of the header"),
        (
            "a.fits",
            b"SIMPLE  =".ljust(80) + b"NAXIS   = many".ljust(80) + b"END".ljust(2720),
            "NAXIS",
        ),
    ],
)
def test_file_that_is_no_fits(tmp_path, name, content, line):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_header(path)
    assert str(caught.value).startswith(str(path))
    assert line in str(caught.value)


def test_files_are_found_below_and_by_name(tmp_path):
    for name in ("b.fits", "sub/a.fits.gz", "sub/c.FTS", "note.txt", ".hidden.fits", "d.fit"):
        write(tmp_path / name, size())
    assert [p.relative_to(tmp_path).as_posix() for p in fits_files([tmp_path])] == [
        "b.fits",
        "d.fit",
        "sub/a.fits.gz",
    ]
    assert fits_files([tmp_path / "b.fits", tmp_path]) == fits_files([tmp_path])
    with pytest.raises(BadInput, match="none: no such folder"):
        fits_files([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty: no FITS file"):
        fits_files([tmp_path / "empty"])
