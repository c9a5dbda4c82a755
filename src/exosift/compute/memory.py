"""How much memory a job may use: what was asked of SLURM, else what the machine or its container
has."""

import os
from pathlib import Path

from exosift.compute.cluster import requested_memory

_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def job_memory() -> float:
    """MB that this job may use."""
    requested = requested_memory()
    return requested / 1e6 if requested else machine_memory()


def machine_memory() -> float:
    """MB of this machine, or of the container that we are in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CONTAINER.read_text())) / 1e6
    except (OSError, ValueError):  # none, or "max"
        return machine / 1e6
