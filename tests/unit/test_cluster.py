"""Pieces of work on threads and on processes: the same sums to the last bit, whoever dies."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from exosift import threads
from exosift.compute import cluster as module
from exosift.compute.cluster import Cluster, opened, requested_memory
from exosift.errors import BadInput, Transient

MEMORY = 2 * 10**9


def frames() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(40, 6000)).astype(np.float32)


def product(cube: np.ndarray, span: slice) -> np.ndarray:
    """B Bᵀ of a block of pixels."""
    time.sleep(0.02 * (span.start % 3))  # so that they end in another order
    block = cube[:, span].astype(np.float64)
    return block @ block.T


def shared_product(span: slice, cube: np.ndarray) -> np.ndarray:
    return product(cube, span)


SPANS = threads.blocks(6000, 500)


def total_of(cluster: Cluster, work, *given) -> np.ndarray:
    """The sum of what the pieces of work give, in their order."""
    return sum(cluster.each(work, *given), np.zeros((40, 40)))


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    total = np.zeros((40, 40))
    with threads.limit(1):
        for span in SPANS:
            total += product(frames(), span)
    return total


@pytest.fixture(scope="module")
def processes() -> Iterator[Cluster]:
    """Two workers, which come up again when they are killed."""
    with opened("processes", 2, MEMORY) as cluster:
        yield cluster


@pytest.mark.parametrize("workers", [1, 3])
def test_sums_are_the_same_to_the_last_bit_on_threads(workers, expected):
    with opened("threads", workers) as cluster:
        total = total_of(cluster, partial(product, frames()), SPANS)
    np.testing.assert_array_equal(total, expected)


def test_sums_are_the_same_to_the_last_bit_on_processes(processes, expected):
    total = total_of(processes, partial(product, frames()), SPANS)
    shared = total_of(processes, shared_product, SPANS, frames())
    np.testing.assert_array_equal(total, expected)
    np.testing.assert_array_equal(shared, expected)


def where(item: int) -> tuple[int, int, int]:
    return item, os.getpid(), threads.budget()


def test_results_keep_their_order_and_workers_are_alone(processes):
    with opened("threads", 2) as cluster:
        assert list(cluster.each(where, range(20))) == [(i, os.getpid(), 1) for i in range(20)]
    items, who, budgets = zip(*list(processes.each(where, range(20))), strict=True)
    assert items == tuple(range(20))
    assert set(who).isdisjoint({os.getpid()})
    assert set(budgets) == {1}


def fatal_once(mark: Path, cube: np.ndarray, span: slice) -> np.ndarray:
    """A product; but the first worker to come to the middle is killed."""
    if span.start == 3000 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return product(cube, span)


def test_a_worker_killed_in_the_middle_changes_nothing(processes, tmp_path, expected):
    mark = tmp_path / "killed"
    total = total_of(processes, partial(fatal_once, mark, frames()), SPANS)
    assert mark.exists()
    np.testing.assert_array_equal(total, expected)


def failing(_: int) -> None:
    raise BadInput("frame 3: no star")


def test_errors_of_the_work_come_through(processes):
    with opened("threads", 1) as cluster, pytest.raises(BadInput, match="frame 3: no star"):
        list(cluster.each(failing, [0]))
    with pytest.raises(BadInput, match="frame 3: no star"):
        list(processes.each(failing, [0]))


def fatal(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_that_kills_every_worker_is_worth_another_try_with_more_memory(processes):
    with pytest.raises(Transient, match="more memory"):
        list(processes.each(fatal, [0]))


def test_workers_leave_nothing_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    with opened("processes", 1, MEMORY) as cluster:
        assert list(cluster.each(where, [0]))
        assert [path.name.startswith("exosift-") for path in tmp_path.iterdir()] == [True]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, None),
        ({"SLURM_MEM_PER_NODE": "3000"}, 3000 * 2**20),
        ({"SLURM_MEM_PER_NODE": "0"}, None),  # all of the node's
        ({"SLURM_MEM_PER_CPU": "500", "SLURM_CPUS_ON_NODE": "4"}, 2000 * 2**20),
    ],
)
def test_memory_is_what_was_asked_of_slurm(monkeypatch, told, expected):
    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert requested_memory() == expected


@pytest.mark.parametrize(
    ("listed", "node", "count"),
    [("4", "0", 4), ("2(x3),1", "2", 2), ("2(x3),1", "3", 1), ("1,3", "1", 3)],
)
def test_tasks_of_a_node_are_read_from_slurms_list(monkeypatch, listed, node, count):
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", listed)
    monkeypatch.setenv("SLURM_NODEID", node)
    assert module._tasks_here() == count


def test_several_nodes_without_srun_are_refused(monkeypatch):
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(BadInput, match="started by `srun -n N`, N at least 3"), opened("srun", 2):
        pass
