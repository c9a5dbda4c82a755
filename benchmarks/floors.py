"""Arithmetic floors: the operations that a kernel cannot avoid, at the machine's peak rates."""

import numpy as np

from benchmarks.machine import Machine, fft_flops

FRAMES, SIDE, FWHM = 61, 101, 4.8

Floor = tuple[float, str]  # seconds, and how they were counted


def seconds(machine: Machine, cores: int) -> dict[str, Floor]:
    """Floor [s] of each row, and how it was counted."""
    rotation, rotation_how = _derotation(machine)
    full, full_how = _full_frame(machine)
    ring, ring_how = _annular(machine, cores)
    return {
        "derotation": (rotation, rotation_how),
        "pca full frame": (full + rotation, f"{full_how} + derotation"),
        "pca annular": (ring + rotation, f"{ring_how} + derotation"),
        "klip sectors": _decompositions(machine, cores, FRAMES * 20),
        "loci": _plus(_decompositions(machine, cores, FRAMES * 40), (rotation, rotation_how)),
        "pairwise": _plus(_gram(machine), (rotation, rotation_how)),
        "nmf": _plus(_nmf(machine), (rotation, rotation_how)),
        "llsg": _plus(_llsg(machine, cores), (rotation, rotation_how)),
        "andromeda": _andromeda(machine),
        "contrast curve": _injections(machine, 12),
        "completeness": _injections(machine, 60),
        "snr map": _snr(machine),
    }


def _plus(one: Floor, other: Floor) -> Floor:
    """Two after one another."""
    return one[0] + other[0], f"{one[1]} + {other[1]}"


def _decompositions(machine: Machine, cores: int, count: int) -> Floor:
    """One eigendecomposition a frame and region."""
    return count * machine.eigh50 / cores, f"{count} eigh of 50 × 50 on {cores} cores"


def _gram(machine: Machine) -> Floor:
    """G = R Rᵀ in float64, the differences in and out."""
    moved = 2 * 4 * FRAMES * SIDE**2
    time = 2 * FRAMES**2 * SIDE**2 / machine.gemm64 + moved / machine.copy
    return time, "a GEMM 61 × 61 × 10201, the cube in and out"


def _nmf(machine: Machine) -> Floor:
    """Thirty times W V, H Vᵀ, H Hᵀ and three sweeps over the components, in float64."""
    rank, rounds = 22, 30
    operations = rounds * 2 * SIDE**2 * (2 * rank * FRAMES + 4 * rank**2)
    return operations / machine.gemm64, f"{operations / 1e9:.1f} GFLOP in float64"


def _llsg(machine: Machine, cores: int) -> Floor:
    """Ten times, in each of twenty segments, G, an eigendecomposition and two thin products."""
    pixels = np.pi * (SIDE / 2) ** 2
    products = 10 * 2 * FRAMES * pixels * (FRAMES / machine.gemm64 + 2 * 6 / machine.gemm32)
    time = products + 200 * machine.eigh50 / cores
    return time, f"ten GEMMs 61 × 61 × {pixels:.0f}, 200 eigh of 50 × 50"


def _derotation(machine: Machine) -> Floor:
    """Six real transforms a line: two of `SIDE` lines, one of the lines of the sheared frame."""
    length, sheared = 243, SIDE + 2 * 21
    lines = FRAMES * (4 * SIDE + 2 * sheared)
    return lines * fft_flops(length) / machine.fft32, f"{lines} real FFTs of {length}"


def _full_frame(machine: Machine) -> Floor:
    """G = R Rᵀ in float64, C R in float32, one reading of the cube and one writing."""
    product = 2 * FRAMES**2 * SIDE**2
    moved = 2 * 4 * FRAMES * SIDE**2
    time = product / machine.gemm64 + product / machine.gemm32 + moved / machine.copy
    return time, "two GEMMs 61 × 61 × 10201, the cube in and out"


def _annular(machine: Machine, cores: int) -> Floor:
    """One eigendecomposition a frame and annulus, of the size of a typical library."""
    count = FRAMES * 10
    return count * machine.eigh50 / cores, f"{count} eigh of 50 × 50 on {cores} cores"


def _andromeda(machine: Machine) -> Floor:
    """Frames filtered, then matched with the PSF; both read at 16 coefficients a place, once."""
    length, images = 125, 4 * FRAMES
    lines = images * 2 * SIDE
    places = FRAMES * np.pi * (SIDE / 2) ** 2
    time = lines * fft_flops(length) / machine.fft32 + places * 2 * 16 * 4 / machine.copy
    return time, f"{lines} real FFTs of {length}, {places:.0f} places × 32 float32 read"


def _injections(machine: Machine, count: int) -> Floor:
    """Five rings fitted again, with 7 components, and their change turned, by each injection."""
    inner, sheared, pixels = 67, 139, 5 * 4 * 2 * np.pi * 24
    turned = 2 * FRAMES * sheared * inner * (2 * inner + 57)
    left = 2 * FRAMES**2 * pixels
    each = (turned + left) / machine.gemm32 + 5 * machine.eigh50
    return count * each, f"{count} × ({(turned + left) / 1e6:.0f} MFLOP, 5 eigh of 50 × 50)"


def _snr(machine: Machine) -> Floor:
    """Four reads from the table of aperture sums an aperture, which is made by one GEMM."""
    radius = np.arange(FWHM, (SIDE - 1 - FWHM) / 2)
    apertures = float(np.sum(2 * np.pi * radius * 2 * np.pi * radius / FWHM))
    table = 2 * SIDE**2 * 36 * 49**2
    time = table / machine.gemm32 + apertures * 4 * 4 / machine.copy
    return time, f"a GEMM 10201 × 36 × 2401, {apertures:.0f} apertures × 4 float32 read"
