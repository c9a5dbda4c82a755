"""The steps by hand, one after another, on a simulated observation."""

import json
import shutil

import numpy as np
import pytest
import xarray
import zarr
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner
from scipy.stats import norm

from exosift.cli import main
from exosift.errors import Failed
from exosift.io.sequences import read_sequence
from exosift.io.store import open_store
from tests.steps.conftest import COMPANION

REDUCTION = "{model: {kind: pca, ranks: [2, 3]}, regions: {kind: full}}"


@pytest.fixture
def registered(files, call):
    code, said = call(*files.register())
    assert code == 0, said
    return files


def test_companion_comes_out_where_it_went_in(registered, call):
    output = registered.folder / "out/pca"
    arguments = ("--reduction", REDUCTION, "--output", str(output))
    assert call("subtract", str(registered.store), *arguments)[0] == 0
    assert call("detect", str(output / "image.fits"), "--output", str(output))[0] == 0
    top = Table.read(output / "candidates.ecsv")[0]
    assert top["separation"] == pytest.approx(COMPANION.separation, abs=14)
    assert top["position_angle"] == pytest.approx(COMPANION.position_angle, abs=2)
    assert (output / "detection.png").stat().st_size > 10_000


def test_frames_that_stay_on_disk_give_the_same_products(registered, call):
    arguments = ("subtract", str(registered.store), "--reduction", REDUCTION, "--output")
    images, manifests = [], []
    ways = {"whole": "100000", "parts": "1", "elsewhere": "2000"}
    for folder, memory in ways.items():
        output = registered.folder / "out" / folder / "pca"
        who = ["--cluster", "processes", "--threads", "2"] if folder == "elsewhere" else []
        code, said = call(*arguments, str(output), "--memory", memory, *who)
        assert code == 0, said
        images.append(fits.getdata(output / "image.fits"))
        manifests.append(json.loads((output / "residuals.zarr.json").read_text()))
    for image, manifest in zip(images, manifests, strict=True):
        np.testing.assert_array_equal(image, images[0])
        assert manifest == manifests[0]


def test_inversion_maps_flux_error_and_snr(registered, call):
    output = registered.folder / "out/andromeda"
    arguments = ("--inversion", "{inner: 1.5}", "--output", str(output))
    assert call("invert", str(registered.store), *arguments)[0] == 0
    flux, sigma, snr = (fits.getdata(output / f"{n}.fits") for n in ("flux", "sigma", "snr"))
    seen = np.isfinite(snr)
    np.testing.assert_allclose(snr[seen], (flux / sigma)[seen], rtol=1e-5)
    header = fits.getheader(output / "sigma.fits")
    assert (header["REDUCTIO"], header["MODEL"]) == ("andromeda", "andromeda")
    assert header["QUANTITY"] == "sigma"

    arguments = ("--snr", str(output / "snr.fits"), "--output", str(output))
    before = (output / "snr.fits").stat().st_mtime_ns
    assert call("detect", str(output / "flux.fits"), *arguments)[0] == 0
    assert (output / "snr.fits").stat().st_mtime_ns == before
    table = Table.read(output / "candidates.ecsv")
    assert table[0]["separation"] == pytest.approx(COMPANION.separation, abs=14)
    assert table[0]["position_angle"] == pytest.approx(COMPANION.position_angle, abs=2)
    assert table[0]["snr"] == pytest.approx(snr[np.isfinite(snr)].max(), rel=1e-6)
    assert table[0]["fpf"] == pytest.approx(norm.sf(table[0]["snr"]), rel=1e-6)
    assert "standard normal" in table.meta["noise"]
    assert (output / "detection.png").stat().st_size > 10_000


def test_every_map_comes_with_its_fractions_and_every_candidate_with_its_values(registered, call):
    output = registered.folder / "out/pca"
    arguments = ("--reduction", REDUCTION, "--output", str(output))
    assert call("subtract", str(registered.store), *arguments)[0] == 0
    known = f"[{{separation: {COMPANION.separation}, position_angle: {COMPANION.position_angle}}}]"
    stores = ("--sequence", str(registered.store), "--residuals", str(output / "residuals.zarr"))
    search = "{noise: laplace, maps: [stim, matched], threshold: 4}"
    arguments = (*stores, "--search", search, "--known", known, "--output", str(output))
    code, said = call("detect", str(output / "image.fits"), *arguments)
    assert code == 0, said
    top = Table.read(output / "candidates.ecsv")[0]
    assert top["known"]
    assert not top["edge"]
    assert top["stim"] > 1
    assert top["matched"] > 5
    at = (0 if top["rank"] == 2 else 1, round(top["y"]), round(top["x"]))
    for name, null in (("snr", "laplace"), ("stim", "inverse map"), ("matched", "laplace")):
        with fits.open(output / f"{name}.fits") as units:
            values, logarithms = units[0].data, units["LOGFPF"].data
            assert units[0].header["NULL"] == null
        assert values.shape == logarithms.shape == (2, 49, 49)
        np.testing.assert_array_equal(np.isfinite(values), np.isfinite(logarithms))
        if name != "snr":
            assert top[name] == pytest.approx(values[at], rel=1e-5)
            assert top[f"{name}_fpf"] == pytest.approx(10.0 ** logarithms[at], rel=1e-4)
    gaussian = ("--search", "{threshold: 4}", "--known", known, "--output", str(output))
    assert call("detect", str(output / "image.fits"), *gaussian)[0] == 0
    assert Table.read(output / "candidates.ecsv")[0]["fpf"] < top["fpf"] / 3


def test_no_fraction_is_quoted_where_the_model_cuts_noise_away(registered, call):
    output = registered.folder / "out/llsg"
    reduction = "{model: {kind: llsg, rank: 3}, regions: {kind: annuli, width: 2, segments: 4}}"
    arguments = ("--reduction", reduction, "--output", str(output))
    assert call("subtract", str(registered.store), *arguments)[0] == 0
    assert call("detect", str(output / "image.fits"), "--output", str(output))[0] == 0
    table = Table.read(output / "candidates.ecsv")
    assert table[0]["snr"] > 5
    assert np.isnan(table["fpf"]).all()
    assert np.isnan(table["false_alarm"]).all()
    assert "no significance" in table.meta["noise"]
    with fits.open(output / "snr.fits") as units:
        assert len(units) == 1


def test_a_map_that_lacks_its_store_says_which(registered, call):
    output = registered.folder / "out/pca"
    arguments = ("--reduction", REDUCTION, "--output", str(output))
    assert call("subtract", str(registered.store), *arguments)[0] == 0
    for maps, more, line in (
        ("stim", (), "`stim` needs the sequence: give the store by --sequence"),
        ("stim", ("--sequence", str(registered.store)), "`stim` needs the residuals"),
        ("matched", (), "`matched` needs the sequence"),
    ):
        arguments = ("--search", f"{{maps: [{maps}]}}", *more, "--output", str(output))
        code, said = call("detect", str(output / "image.fits"), *arguments)
        assert (code, said.count("\n")) == (2, 1)
        assert line in said


def test_sequence_reads_back_as_it_was_written(registered, made):
    sequence = read_sequence(registered.store)
    assert sequence.label == "T/1"
    assert sequence.cube.dtype == np.float32
    np.testing.assert_allclose(sequence.angle, made.angle)
    assert sequence.observation.raw_star == pytest.approx(tuple(made.star.mean(axis=0)), abs=0.3)
    assert len(sequence.observation.sources) == 3
    assert np.unravel_index(sequence.psf[0].argmax(), (21, 21)) == (10, 10)


def test_xarray_opens_a_sequence_as_it_is(registered):
    found = xarray.open_zarr(registered.store, consolidated=False)
    assert found["cube"].dims == ("wavelength", "time", "y", "x")
    assert found["psf"].dims == ("wavelength", "psf_y", "psf_x")
    np.testing.assert_array_equal(found["cube"].values, read_sequence(registered.store).cube)
    assert found.attrs["target"] == "T"
    assert found["angle"].attrs["units"] == "deg"


def test_four_dimensional_cube_keeps_its_wavelengths(files, call):
    files.change("cube", np.stack([files.read("cube")] * 2))
    files.change("psf", np.stack([files.read("psf")] * 2))
    code, said = call(*files.register())
    assert (code, "2 channels, and no wavelengths" in said) == (2, True)
    files.change("wavelengths", np.array([3.7, 3.9]))
    row = files.row.replace("}", f", wavelengths: {files.folder}/wavelengths.fits}}")
    arguments = [row if a == files.row else a for a in files.register()]
    assert call(*arguments)[0] == 0
    sequence = read_sequence(files.store)
    assert sequence.cube.shape[:2] == (2, 12)
    np.testing.assert_array_equal(sequence.cube[0], sequence.cube[1])
    np.testing.assert_array_equal(sequence.wavelength, [3.7, 3.9])
    output = files.folder / "out/pca"
    arguments = ("--reduction", REDUCTION, "--output", str(output))
    assert call("subtract", str(files.store), *arguments)[0] == 0
    one = fits.getdata(output / "image.fits")
    assert one.shape == (2, 49, 49)


def test_missing_chunk_is_noticed_not_read_as_zeros(registered, call):
    chunk = next(path for path in (registered.store / "cube/c").rglob("*") if path.is_file())
    chunk.unlink()
    assert not np.asarray(zarr.open_group(registered.store, mode="r")["cube"][...]).any()
    arguments = ("--reduction", REDUCTION, "--output", str(registered.folder / "out/pca"))
    code, said = call("subtract", str(registered.store), *arguments)
    assert code == 4
    assert "array cube has 0 of 1 chunks; remove" in said
    assert not (registered.folder / "out/pca/image.fits").exists()


def test_flipped_byte_is_noticed(registered):
    chunk = next(path for path in (registered.store / "cube/c").rglob("*") if path.is_file())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0xFF
    chunk.write_bytes(bytes(content))
    with pytest.raises(Failed, match="chunk"):
        read_sequence(registered.store)


def test_store_without_manifest_is_not_believed(registered):
    registered.store.with_name("sequence.zarr.json").unlink()
    with pytest.raises(Failed, match="no manifest"):
        open_store(registered.store)


def test_interrupted_write_leaves_the_old_store_unvouched(registered, monkeypatch):
    sequence = read_sequence(registered.store)
    from exosift.io import sequences

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("exosift.io.store._describe", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sequences.write_sequence(registered.store, sequence)
    with pytest.raises(Failed, match="no manifest"):
        open_store(registered.store)


def test_same_input_same_manifest(registered, call):
    manifest = registered.store.with_name("sequence.zarr.json")
    first = json.loads(manifest.read_text())
    shutil.rmtree(registered.store)
    assert call(*registered.register())[0] == 0
    assert json.loads(manifest.read_text()) == first


def test_ranks_are_told_by_the_companion_and_by_injected_ones(registered, call):
    arguments = ("--reduction", REDUCTION, "--place")
    own = f"{{separation: {COMPANION.separation}, position_angle: {COMPANION.position_angle}}}"
    told = CliRunner().invoke(main, ["ranks", str(registered.store), *arguments, own]).output
    lines = told.splitlines()
    assert lines[0].split() == ["rank", "S/N", "error"]
    ranks = {int(line.split()[0]): float(line.split()[1]) for line in lines[1:]}
    assert list(ranks) == [2, 3]
    assert told.count("best") == 1
    assert max(ranks.values()) > 5
    trials = "{separation: 250, flux: 1.0e5, count: 3}"
    told = CliRunner().invoke(main, ["ranks", str(registered.store), *arguments, trials])
    assert told.exit_code == 0
    errors = [float(line.split()[2]) for line in told.stdout.splitlines()[1:]]
    assert min(errors) > 0
    code, said = call("ranks", str(registered.store), *arguments, "{separation: 250}")
    assert (code, "give a position angle to look at, or the flux" in said) == (2, True)
