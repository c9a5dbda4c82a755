"""How much memory a job may use: what was asked of SLURM, else what the machine or its container
has."""

import os
from pathlib import Path

_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def job_memory() -> float:
    """MB that this job may use."""
    node, core = os.environ.get("SLURM_MEM_PER_NODE"), os.environ.get("SLURM_MEM_PER_CPU")
    if node and int(node):  # 0 asks for all that there is
        return int(node) * 2**20 / 1e6
    if core and int(core):
        return int(core) * int(os.environ.get("SLURM_CPUS_ON_NODE", "1")) * 2**20 / 1e6
    return machine_memory()


def machine_memory() -> float:
    """MB of this machine, or of the container that we are in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CONTAINER.read_text())) / 1e6
    except (OSError, ValueError):  # none, or "max"
        return machine / 1e6
