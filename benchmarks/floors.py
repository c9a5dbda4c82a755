"""Arithmetic floors: the operations that a kernel cannot avoid, at the machine's peak rates."""

import numpy as np

from benchmarks.machine import Machine, fft_flops

FRAMES, SIDE, FWHM = 61, 101, 4.8


def seconds(machine: Machine, cores: int) -> dict[str, tuple[float, str]]:
    """Floor [s] of each row, and how it was counted."""
    rotation, rotation_how = _derotation(machine)
    full, full_how = _full_frame(machine)
    ring, ring_how = _annular(machine, cores)
    return {
        "derotation": (rotation, rotation_how),
        "pca full frame": (full + rotation, f"{full_how} + derotation"),
        "pca annular": (ring + rotation, f"{ring_how} + derotation"),
        "snr map": _snr(machine),
    }


def _derotation(machine: Machine) -> tuple[float, str]:
    """Six real transforms a line: two of `SIDE` lines, one of the lines of the sheared frame."""
    length, sheared = 243, SIDE + 2 * 21
    lines = FRAMES * (4 * SIDE + 2 * sheared)
    return lines * fft_flops(length) / machine.fft32, f"{lines} real FFTs of {length}"


def _full_frame(machine: Machine) -> tuple[float, str]:
    """G = R Rᵀ in float64, C R in float32, one reading of the cube and one writing."""
    product = 2 * FRAMES**2 * SIDE**2
    moved = 2 * 4 * FRAMES * SIDE**2
    time = product / machine.gemm64 + product / machine.gemm32 + moved / machine.copy
    return time, "two GEMMs 61 × 61 × 10201, the cube in and out"


def _annular(machine: Machine, cores: int) -> tuple[float, str]:
    """One eigendecomposition a frame and annulus, of the size of a typical library."""
    count = FRAMES * 10
    return count * machine.eigh50 / cores, f"{count} eigh of 50 × 50 on {cores} cores"


def _snr(machine: Machine) -> tuple[float, str]:
    """Four reads from the table of aperture sums an aperture, which is made by one GEMM."""
    radius = np.arange(FWHM, (SIDE - 1 - FWHM) / 2)
    apertures = float(np.sum(2 * np.pi * radius * 2 * np.pi * radius / FWHM))
    table = 2 * SIDE**2 * 36 * 49**2
    time = table / machine.gemm32 + apertures * 4 * 4 / machine.copy
    return time, f"a GEMM 10201 × 36 × 2401, {apertures:.0f} apertures × 4 float32 read"
