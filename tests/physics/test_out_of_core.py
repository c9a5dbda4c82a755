"""A sequence on disk through a reduction: bit for bit as in memory, whoever works on it."""

import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from subprocess import PIPE, Popen

import numpy as np
import pytest

from exosift import threads
from exosift.compute import images, rechunking, subtraction, trajectories
from exosift.compute.blocks import together
from exosift.compute.cluster import opened
from exosift.compute.columns import Columns
from exosift.compute.outofcore import reduce_stored
from exosift.compute.trajectories import stored_stims
from exosift.detect.maps import stims
from exosift.errors import BadInput, Transient
from exosift.geometry.regions import Annuli, FullFrame
from exosift.geometry.rotation import derotate
from exosift.io.residuals import Residuals, write_residuals, writing_residuals
from exosift.io.scratch import Scratch, node_disk, scratch_folder
from exosift.io.sequences import Stored, write_sequence
from exosift.io.store import Plan, open_store, read_manifest, read_whole, writing
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.library import References
from exosift.psfsub.loci import Loci
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence

SIZE, FRAMES, FWHM = 61, 40, 4.0
STAR = (30.0, 30.0)


def observed(seed: int, target: str = "T", flux: float = 1e4) -> Sequence:
    """Speckles that come and go on a background, pixels without a value, pixels filled in."""
    rng = np.random.default_rng(seed)
    shape = (2, FRAMES, SIZE, SIZE)
    speckles = np.cumsum(rng.normal(size=shape), axis=1)
    cube = (500 + speckles + rng.normal(size=shape)).astype(np.float32)
    cube[:, :, :2, :9] = np.nan
    cube[:, 5, 20, 21] = np.nan
    mask = np.isnan(cube)
    mask[:, 7, 32:36, 40] = True
    told = Observation(target, "1", "I", "L", 27.0, (FWHM, FWHM), STAR, STAR, star_flux=(flux, 1e4))
    time = np.linspace(0, 80, FRAMES)
    return Sequence(cube, time, np.ones((2, 9, 9)), np.array([1.0, 1.1]), time, mask, told)


SEQUENCE, OTHER = observed(0), observed(1, "R", 3e4)

CHUNKS = {"frames": (1, 7, SIZE, SIZE), "strips": (1, FRAMES, 8, SIZE), "both": (1, 7, 8, SIZE)}

CASES = {
    "full": Reduction(Pca((3, 10)), FullFrame()),
    "full, by mean": Reduction(Pca((3, 10), "none"), FullFrame(), combination="mean"),
    "spatial": Reduction(Pca((5,), "spatial"), FullFrame(1.0), combination="mean"),
    "annuli": Reduction(Pca((2, 5)), Annuli(1.5, 1.0), References(0.5)),
    "LOCI": Reduction(Loci(centring="spatial"), Annuli(1.5, 1.0, "auto"), References(0.5)),
    "splines": Reduction(Mean(), FullFrame(), References(0.2), derotation="spline"),
    "pairs": Reduction(Pairwise(), Annuli(2.0, 1.0), References(0.5)),
    "stars": Reduction(Pca((4,)), FullFrame(), References(own="none", stars=("R/1",))),
}


def tiles_of(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tiles of so many bytes."""
    for module in (images, rechunking, subtraction, trajectories):
        monkeypatch.setattr(module, "TILE", size)


def on_disk(stores, reduction, folder, workers=None):
    """Images and residuals of sequences on disk."""
    stored = [Stored.open(store) for store in stores]
    cube = stored[0].outline.cube
    told = (reduction.model.variants, cube.shape, str(cube.dtype))
    with (
        writing_residuals(folder / "left.zarr", *told) as products,
        opened("threads", threads.budget()) as own,
    ):
        found = reduce_stored(stored, reduction, products, workers or own)
    return found, read_whole(open_store(folder / "left.zarr"), "residuals")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A target and a star; the target's frames also in other chunks (wavelength, time, y, x)."""
    folder = tmp_path_factory.mktemp("stores")
    write_sequence(folder / "target.zarr", SEQUENCE)
    write_sequence(folder / "star.zarr", OTHER)
    for name, chunks in CHUNKS.items():
        chunked(folder / f"{name}.zarr", SEQUENCE, chunks)
    return folder


def chunked(store, sequence, shape):
    """A sequence whose large arrays are in chunks of this shape."""
    write_sequence(store, sequence)
    arrays = {name: values[...] for name, values in open_store(store).arrays()}
    attributes, plans = dict(open_store(store).attrs), {}
    for name, values in arrays.items():
        chunks = shape if values.shape == sequence.cube.shape else values.shape
        plans[name] = Plan(tuple("abcd"[: values.ndim]), values.shape, str(values.dtype), chunks)
    with writing(store, plans, attributes) as empty:
        for name, values in arrays.items():
            empty[name][...] = values


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("tile", [2**26, 400_000, 1])
def test_residuals_and_images_are_those_in_memory(name, tile, stores, tmp_path, monkeypatch):
    reduction = CASES[name]
    stars = [OTHER] if reduction.stars else []
    used = [stores / "target.zarr", *([stores / "star.zarr"] if stars else [])]
    expected = reduce(SEQUENCE, reduction, stars=stars)
    tiles_of(tile, monkeypatch)
    with threads.limit(1 + (tile == 1)):
        found, left = on_disk(used, reduction, tmp_path)
    np.testing.assert_array_equal(left, expected.residuals)
    np.testing.assert_array_equal(found, expected.images)
    assert np.isfinite(found).mean() > 0.5


@pytest.mark.parametrize(
    ("count", "chunks", "tile"),
    [(1, "frames", 400_000), (5, "frames", 1), (2, "strips", 1), (2, "both", 100_000)],
)
def test_how_many_work_on_it_and_how_it_lies_on_disk_change_nothing(
    count, chunks, tile, stores, tmp_path, monkeypatch
):
    tiles_of(tile, monkeypatch)
    reduction = CASES["full, by mean"]
    expected = reduce(SEQUENCE, reduction)
    with threads.limit(count):
        found, left = on_disk([stores / f"{chunks}.zarr"], reduction, tmp_path)
    np.testing.assert_array_equal(left, expected.residuals)
    np.testing.assert_array_equal(found, expected.images)


class Elsewhere:
    """A process that shares nothing with this one but the disk."""

    disk = node_disk()

    def __init__(self, pool):
        self.pool = pool

    def each(self, work, items, *shared) -> Iterator:
        return iter([sent.result() for sent in [self.pool.submit(work, i, *shared) for i in items]])


def test_the_work_can_be_sent_to_other_processes(stores, tmp_path):
    expected = reduce(SEQUENCE, CASES["full"])
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        workers = Elsewhere(pool)
        found, left = on_disk([stores / "target.zarr"], CASES["full"], tmp_path, workers)
    np.testing.assert_array_equal(left, expected.residuals)
    np.testing.assert_array_equal(found, expected.images)
    sent = pickle.dumps(Stored.open(stores / "target.zarr"))
    assert len(sent) < 1000  # the frames stay where they are


def test_the_store_is_the_one_that_is_written_from_memory(stores, tmp_path):
    on_disk([stores / "target.zarr"], CASES["annuli"], tmp_path)
    write_residuals(tmp_path / "whole.zarr", reduce(SEQUENCE, CASES["annuli"]))
    one, other = (read_manifest(tmp_path / name) for name in ("left.zarr", "whole.zarr"))
    assert one == other


def test_stim_of_frames_on_disk_is_that_in_memory(tmp_path, monkeypatch):
    reduced = reduce(SEQUENCE, CASES["full"])
    write_residuals(tmp_path / "left.zarr", reduced)
    expected = stims(reduced.residuals, SEQUENCE.angle, derotate, FWHM)
    tiles_of(40_000, monkeypatch)
    left = Residuals.open(tmp_path / "left.zarr")
    with opened("threads", 2) as workers:
        found = stored_stims(left, SEQUENCE.angle, FWHM, workers)
    np.testing.assert_array_equal(found.statistic, expected.statistic)
    np.testing.assert_array_equal(found.fpf, expected.fpf)


def test_the_scratch_goes_also_when_the_work_fails(stores, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("SLURM_TMPDIR", str(scratch))
    on_disk([stores / "target.zarr"], CASES["full"], tmp_path)
    assert not list(scratch.iterdir())

    def broken(*_):
        assert list(scratch.rglob("left"))
        raise ZeroDivisionError

    monkeypatch.setattr(images, "derotate", broken)
    with pytest.raises(ZeroDivisionError):
        on_disk([stores / "target.zarr"], CASES["full"], tmp_path)
    assert not list(scratch.iterdir())


def test_what_cannot_be_is_told_before_any_work(stores, tmp_path, monkeypatch):
    monkeypatch.setattr(rechunking, "pieces", None)  # nothing is read
    with pytest.raises(BadInput, match="median in memory only: other models than linear ones"):
        on_disk([stores / "target.zarr"], Reduction(Median(), FullFrame()), tmp_path)
    twice = replace(CASES["full"], iterations=2)
    with pytest.raises(BadInput, match="give more --memory"):
        on_disk([stores / "target.zarr"], twice, tmp_path)
    large = Reduction(Pca((50,)), FullFrame())
    with pytest.raises(BadInput, match="the library of frame 0 holds 40 frames, pca of rank 50"):
        on_disk([stores / "target.zarr"], large, tmp_path)
    alone = replace(OTHER.observation, filter="M")
    write_sequence(tmp_path / "other.zarr", replace(OTHER, observation=alone))
    with pytest.raises(BadInput, match="R/1 as a reference of T/1: its filter is M, not L"):
        on_disk([stores / "target.zarr", tmp_path / "other.zarr"], CASES["stars"], tmp_path)


def test_a_disk_that_is_too_small_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    with pytest.raises(Transient) as refused, scratch_folder(10**18, node_disk()):
        pass
    assert str(refused.value).startswith(f"{tmp_path}: ")
    assert "the sequence needs 1e+09 GB of scratch; free some, set TMPDIR" in str(refused.value)


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    work = "from exosift.io.scratch import node_disk as n, scratch_folder as f\n"
    work += "with f(0, n()): print(flush=1); input()"
    living, killed = (
        Popen([sys.executable, "-c", work], stdin=PIPE, stdout=PIPE) for _ in range(2)
    )
    for one in (living, killed):
        one.stdout.readline()
    assert len(list(tmp_path.iterdir())) == 2
    killed.kill()
    killed.wait()
    with scratch_folder(0, node_disk()):
        assert len(list(tmp_path.iterdir())) == 2  # the living one's, and ours
    living.communicate(b"\n")
    assert not list(tmp_path.iterdir())
    killed.communicate()


def test_a_disk_that_fills_up_is_told_in_one_line():
    file = Scratch(Path("/dev/full"), 2, np.array([0, 3]), "float32")
    with pytest.raises(Transient, match="the scratch disk is full; free some of it, or set TMPDIR"):
        file.write(slice(0, 2), slice(0, 3), np.zeros((2, 3)))


@pytest.mark.parametrize("tile", [1, 100_000, 2**26])
@pytest.mark.parametrize("name", CHUNKS)
def test_pieces_are_whole_chunks_and_all_of_them(name, tile, stores, monkeypatch):
    monkeypatch.setattr(rechunking, "TILE", tile)
    seen = np.zeros((2 * FRAMES, SIZE), dtype=int)
    both = [Stored.open(stores / f"{name}.zarr"), Stored.open(stores / "star.zarr")]
    for piece in rechunking.pieces(both):
        frames, rows = both[piece.store].chunks
        assert piece.times.start % frames == piece.rows.start % rows == 0
        assert piece.times.stop % frames == 0 or piece.times.stop == FRAMES
        assert piece.rows.stop % rows == 0 or piece.rows.stop == SIZE
        last = piece.first + piece.times.stop - piece.times.start
        seen[piece.first : last, piece.rows] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(("frame", "count"), [(1, 32), (2**20, 32), (2**20 + 1, 16), (2**40, 1)])
def test_frames_together_divide_the_groups_of_a_sum(frame, count):
    assert together(frame) == count


def test_scratch_gives_back_any_rectangle(tmp_path):
    rng = np.random.default_rng(0)
    columns = Columns.of([np.arange(5000), np.arange(3, 30), np.arange(100, 2200)])
    assert columns.edges.tolist() == [0, 2048, 4096, 5000, 5027, 7075, 7127]
    assert columns.within(0, 10) == [slice(0, 10), slice(5000, 5007)]
    values = rng.normal(size=(9, 7127)).astype(np.float32)
    file = Scratch(tmp_path / "file", 9, columns.edges, "float32")
    for rows in (slice(0, 4), slice(4, 9)):
        for low, high in ((0, 2048), (2048, 4500), (4500, 4501), (4501, 7127)):
            file.write(rows, slice(low, high), values[rows, low:high])
    assert file.path.stat().st_size == file.bytes == values.nbytes
    for _ in range(20):
        (r0, r1), (c0, c1) = (np.sort(rng.choice(n, 2, replace=False)) for n in (9, 7127))
        part = file.read(slice(int(r0), int(r1)), slice(int(c0), int(c1)))
        np.testing.assert_array_equal(part, values[r0:r1, c0:c1])
    with file.path.open("r+b") as cut:
        cut.truncate(file.bytes - 1)
    with pytest.raises(Transient, match="shorter"):
        file.read(slice(0, 9), slice(0, 7127))
