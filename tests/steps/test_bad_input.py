"""Bad input: one clear line, a non-zero exit, nothing half-written."""

import numpy as np
import pytest
from astropy.io import fits

BAD_INPUT = 2


def refuse(files, call, *arguments):
    """Call, expect a refusal in one line and no product; return the line."""
    code, said = call(*(arguments or files.register()))
    assert code == BAD_INPUT
    assert said.count("\n") == 1, said
    products = [p.name for p in files.folder.rglob("*") if p.name not in ("out", "status")]
    assert not [p for p in products if "zarr" in p or "partial" in p or p.endswith(".png")]
    return said


def test_missing_file(files, call):
    (files.folder / "angles.fits").unlink()
    assert "angles.fits: no such file" in refuse(files, call)


def test_truncated_cube(files, call):
    path = files.folder / "cube.fits"
    path.write_bytes(path.read_bytes()[:30_000])
    assert "cube.fits: unreadable or truncated FITS" in refuse(files, call)


def test_not_fits_at_all(files, call):
    (files.folder / "psf.fits").write_text("not FITS")
    assert "psf.fits: unreadable or truncated FITS" in refuse(files, call)


def test_wrong_number_of_angles(files, call):
    files.change("angles", np.arange(11.0))
    assert "angles.fits: 11 angles for a cube of 12 frames" in refuse(files, call)


def test_angle_that_is_no_number(files, call):
    files.change("angles", np.where(np.arange(12) == 7, np.nan, 1.0))
    assert "angles.fits: the angle of frame 7 is NaN" in refuse(files, call)


def test_empty_frames_are_named(files, call):
    cube = files.read("cube")
    cube[[3, 8]] = np.nan
    files.change("cube", cube)
    assert "cube.fits: no finite pixel in frame 3, 8 (of 12, counted from 0)" in refuse(files, call)


def test_two_dimensional_cube(files, call):
    files.change("cube", np.ones((51, 51)))
    assert "cube.fits: 2 axes of (51, 51); expected (time, y, x)" in refuse(files, call)


def test_psf_larger_than_the_frames(files, call):
    files.change("psf", np.ones((61, 61)))
    assert "the PSF (61×61 px) is larger than the frames (51×51 px)" in refuse(files, call)


def test_psf_without_a_star(files, call):
    files.change("psf", np.zeros((21, 21)))
    assert "holds no point source" in refuse(files, call)


def test_star_at_the_edge(files, call):
    cube = np.roll(files.read("cube"), (20, 20), axis=(1, 2))
    files.change("cube", cube[:, 40:, 40:])
    assert "larger than the frames" in refuse(files, call)
    files.change("psf", files.read("psf")[5:16, 5:16])
    assert "less than 2 FWHM are left around it" in refuse(files, call)


@pytest.mark.parametrize(
    ("reduction", "line"),
    [
        (
            "{model: {kind: pca, ranks: [3, 40]}}",
            "the library of frame 0 holds 12 frames, pca of rank 40 needs 41",
        ),
        (
            "{model: {kind: pca, ranks: [2]}, references: {movement: 30}}",
            "the library of frame 0 holds 0 frames",
        ),
        ("{regions: {kind: annuli, inner: 30}}", "do not fit in a frame of 49×49 px"),
        (
            "{model: {kind: median}, regions: {kind: full, inner: 30}}",
            "nothing is left of 49×49 px",
        ),
        ("{modle: {}}", "reduction.modle: unknown key; did you mean model?"),
        ("{combination: average}", "reduction.combination: input should be 'median' or 'mean'"),
    ],
)
def test_reduction_that_cannot_be(files, call, reduction, line):
    assert call(*files.register())[0] == 0
    output = files.folder / "out/red"
    code, said = call(
        "subtract", str(files.store), "--reduction", reduction, "--output", str(output)
    )
    assert code == BAD_INPUT
    assert line in said
    assert said.count("\n") == 1
    assert not list(output.glob("*.fits")) + list(output.glob("*.zarr"))


def test_inversion_that_cannot_be(files, call):
    assert call(*files.register())[0] == 0
    output = files.folder / "out/inverse"
    for given, line in (
        ("{rotation: 40}", "nowhere in the frame does a companion move by 40 FWHM between three"),
        ("{rotation: 0}", "inversion: rotation is 0 FWHM, expected more than 0"),
        ("{inner: 30}", "annuli 1 FWHM wide from 30 FWHM do not fit in a frame of 49×49 px"),
    ):
        code, said = call("invert", str(files.store), "--inversion", given, "--output", str(output))
        assert (code, said.count("\n")) == (BAD_INPUT, 1)
        assert line in said
        assert not list(output.glob("*.fits"))


def test_map_of_another_image(files, call):
    assert call(*files.register())[0] == 0
    output = files.folder / "out/inverse"
    arguments = ("--inversion", "{}", "--output", str(output))
    assert call("invert", str(files.store), *arguments)[0] == 0
    with fits.open(output / "snr.fits", mode="update") as units:
        units[0].data = units[0].data[1:]
    arguments = ("--snr", str(output / "snr.fits"), "--output", str(output))
    code, said = call("detect", str(output / "flux.fits"), *arguments)
    assert code == BAD_INPUT
    assert "an S/N map of shape (1, 48, 49)" in said
    assert "for an image of shape (1, 49, 49); give the one that belongs to the image" in said


def test_same_bad_input_is_not_read_twice(files, call, monkeypatch):
    files.change("angles", np.arange(11.0))
    first = refuse(files, call)

    def unread(*_):
        raise AssertionError("read again")

    monkeypatch.setattr("exosift.raw.tabled.read_cube", unread)
    assert refuse(files, call) == first


def test_mended_input_is_read_again(files, call, made):
    files.change("angles", np.arange(11.0))
    refuse(files, call)
    files.change("angles", made.angle)
    assert call(*files.register())[0] == 0


def test_unknown_instrument_names_the_nearest(files, call):
    arguments = [a.replace("simulated,", "naco-l2,") for a in files.register()]
    assert "instrument naco-l2: not known; did you mean naco-l27?" in refuse(
        files, call, *arguments
    )


def test_psf_of_nan(files, call):
    files.change("psf", np.full((21, 21), np.nan))
    assert "the PSF has no finite pixel" in refuse(files, call)


def test_image_that_is_no_product(files, call):
    output = str(files.folder / "out")
    said = refuse(files, call, "detect", str(files.folder / "psf.fits"), "--output", output)
    assert "psf.fits: not an image of a reduction" in said


def test_options_file_that_is_not_there(files, call):
    code, said = call("register", "--observation", "@none.yaml", "--output", str(files.store))
    assert code == BAD_INPUT
    assert "No such file or directory: 'none.yaml'" in said
