"""One job, one cluster: threads, processes on its node, or the tasks of `srun` on several nodes.

Pieces of work go out and their results come back in the order of the pieces, so that a sum over
them is the same to the last bit however many workers there are, and whichever of them dies.
"""

import os
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from exosift import threads
from exosift.errors import BadInput, Transient
from exosift.io.scratch import node_disk

Item = TypeVar("Item")
Result = TypeVar("Result")

Kind = Literal["threads", "processes", "srun"]

# Pieces on their way for each worker: one at work, one that waits for it. More would only fill the
# memory of the one who sums.
_AHEAD = 2

# The tasks of `srun` that do not work: the scheduler, and the one that goes on.
_SERVING = 2

# The scheduler's pages are at a port of their own: another job's may be on this node.
_NO_DASHBOARD = {"dashboard": False, "dashboard_address": ":0"}

# Seconds for workers to come up on a busy file system, and for new ones after the last has died.
_PATIENCE = 300

# What dask calls it when those who were to do a piece of work have died.
_LOST = (
    "KilledWorker",
    "NoWorkerError",
    "NoValidWorkerError",
    "CancelledError",
    "FutureCancelledError",
)


@dataclass(frozen=True, eq=False)
class Cluster:
    """Workers, each alone with its piece: BLAS has one thread there.

    disk: a folder that all of them see. submit: a function and its arguments → what has `result()`.
    share: a value → what stands for it among those arguments, sent to each worker but once.
    """

    workers: int
    disk: Path
    submit: Callable[..., Any]
    share: Callable[[Any], Any]

    def each(
        self, work: Callable[..., Result], items: Iterable[Item], *shared: Any
    ) -> Iterator[Result]:
        """`work(item, *shared)` of every item, in their order, as they are taken.

        No more results wait than the workers need to keep busy. On processes and `srun`, `work` is
        a function of a module, or a `partial` of one. Raises Transient when one piece's workers die
        again and again.
        """
        with threads.limit(1):
            values = [self.share(value) for value in shared]
            rest = iter(items)
            sent = deque(
                self.submit(work, item, *values) for item in islice(rest, _AHEAD * self.workers)
            )
            while sent:
                result: Result = _result(sent.popleft())
                sent.extend(self.submit(work, item, *values) for item in islice(rest, 1))
                yield result


def _result(sent: Any) -> Any:
    """What came of a piece."""
    try:
        return sent.result()
    except Exception as error:
        if type(error).__name__ not in _LOST:
            raise
        raise Transient(
            f"the workers died again and again ({error}); ask for more memory, or fewer workers"
        ) from error


@contextmanager
def opened(kind: Kind, workers: int, memory: int | None = None) -> Iterator[Cluster]:
    """A cluster of `workers`; under "srun", of as many as it has tasks, less two that serve.

    memory: bytes that the job may use on this node; what was asked of SLURM where it is not given.
    Under "srun" every task comes here, in a folder on a disk that the nodes share; one task goes
    on, the others serve it and end with it.
    """
    if kind == "threads":
        with ThreadPoolExecutor(workers) as pool:
            # A thread works in the context of the one who sends: on a budget of one.
            yield Cluster(
                workers,
                node_disk(),
                lambda work, *given: pool.submit(copy_context().run, work, *given),
                lambda value: value,
            )
        return
    import dask  # takes 0.2 s

    count = _tasks() - _SERVING if kind == "srun" else workers
    with (
        tempfile.TemporaryDirectory(prefix="exosift-", dir=node_disk()) as folder,
        dask.config.set({"distributed.scheduler.no-workers-timeout": f"{_PATIENCE}s"}),
        _client(kind, count, memory or requested_memory(), folder) as client,
    ):
        try:
            client.wait_for_workers(count, timeout=_PATIENCE)
        except TimeoutError as error:
            raise Transient(f"{count} workers were to start: {error}") from error
        yield Cluster(
            count,
            Path.cwd() if kind == "srun" else node_disk(),
            lambda *call: client.submit(_alone, *call, pure=False),
            lambda value: client.scatter(value, broadcast=True, hash=False),
        )


def _alone(work: Callable[..., Result], *arguments: Any) -> Result:
    """A piece of work in a process of its own, on one thread."""
    with threads.limit(1):
        return work(*arguments)


@contextmanager
def _client(kind: Kind, workers: int, memory: int | None, folder: str) -> Iterator[Any]:
    """A client of dask's workers, one thread each, without dashboards, that spill into `folder`."""
    from distributed import Client, LocalCluster  # takes 0.5 s

    if kind == "processes":
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=memory // workers if memory else "auto",
                local_directory=folder,
                scheduler_kwargs=_NO_DASHBOARD,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        from dask_jobqueue.slurm import SLURMRunner
    except ImportError:
        raise BadInput(
            "clusters of several nodes need dask-jobqueue: pip install 'exosift[slurm]'"
        ) from None
    meeting = _meeting()
    with (
        SLURMRunner(
            scheduler_file=str(meeting),
            scheduler_options=dict(_NO_DASHBOARD),
            worker_options={
                "nthreads": 1,
                "memory_limit": memory // _tasks_here() if memory else "auto",
                "local_directory": folder,
            },
        ) as runner,
        Client(runner) as client,
    ):
        try:
            yield client
        finally:
            meeting.unlink(missing_ok=True)


def _meeting() -> Path:
    """Where the tasks of this very step find the scheduler: in the folder that they all share."""
    names = ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_STEP_ID")
    return Path.cwd() / ".".join([".scheduler", *(os.environ.get(name, "0") for name in names)])


def requested_memory() -> int | None:
    """Bytes that the SLURM job asked for on this node; None outside of one, or without a limit."""
    node, core = os.environ.get("SLURM_MEM_PER_NODE"), os.environ.get("SLURM_MEM_PER_CPU")
    if node:
        return int(node) * 2**20 or None
    if core:
        return int(core) * int(os.environ.get("SLURM_CPUS_ON_NODE", "1")) * 2**20 or None
    return None


def _tasks() -> int:
    """Tasks of this `srun`. Raises BadInput where they are too few, or none."""
    tasks = int(os.environ.get("SLURM_NTASKS", "0")) if "SLURM_PROCID" in os.environ else 0
    if tasks <= _SERVING:
        raise BadInput(
            f"a cluster of several nodes is started by `srun -n N`, N at least {_SERVING + 1} "
            f"(scheduler, client, workers); found {tasks} tasks"
        )
    return tasks


def _tasks_here() -> int:
    """Tasks of this `srun` on this node, from SLURM's list such as 2(x3),1."""
    told = os.environ.get("SLURM_STEP_TASKS_PER_NODE") or os.environ["SLURM_NTASKS"]
    each: list[int] = []
    for count, nodes in re.findall(r"(\d+)(?:\(x(\d+)\))?", told):
        each += [int(count)] * int(nodes or 1)
    return each[min(int(os.environ.get("SLURM_NODEID", "0")), len(each) - 1)]
