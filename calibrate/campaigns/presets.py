"""Presets: how finely a calibration looks, and for how long: quick, default or full."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

PresetName = Literal["quick", "default", "full"]

_GEMM_QUICK = (
    (32, 8, 32),
    (64, 16, 64),
    (128, 32, 128),
    (256, 32, 256),
    (256, 64, 512),
    (512, 128, 512),
    (1024, 256, 1024),
)
_GEMM_FULL = (
    *_GEMM_QUICK,
    (48, 12, 80),
    (100, 24, 200),
    (200, 50, 100),
    (128, 32, 256),
    (784, 32, 512),
    (300, 100, 1000),
    (1000, 200, 700),
    # A product of 10^8 operations or more is given to several threads.
    (1024, 64, 1024),
    (512, 256, 768),
    (2048, 128, 1024),
    (1536, 256, 1024),
    (2048, 256, 2048),
)
#: On a GPU most products take the time of a launch: its rate shows with the largest alone.
_GPU_GEMM_QUICK = ((32, 8, 32), (1024, 256, 1024), (4096, 1024, 4096))
_GPU_GEMM_FULL = (
    *_GPU_GEMM_QUICK,
    (512, 128, 512),
    (1000, 200, 700),
    (2048, 256, 2048),
    (4096, 4096, 4096),
)
#: Bytes of most layers' weights. Into a GPU's memory 4 MiB took longer a byte than smaller tensors,
#: so a line to it from far below would charge them too much (docs/gpu.md, "On a second host").
_AROUND_A_MIB = (2**18, 2**19, 2**20, 2**21)
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Preset:
    """How finely a calibration looks, and for how long.

    ``most_workers`` and ``most_ps`` may run at once where all run on this machine; ``loads`` are
    bytes that all of them move.
    ``crowds`` are (transfers, bytes of each) that begin at once, where there is a network. On a GPU
    ``copied`` and ``moved`` are bytes from and to the host and a ps, and ``gpu_batches`` is how
    many batches have a step there.
    """

    gemm: tuple[Shape, ...]
    largest_bytes: int
    sizes: int
    tensors: tuple[int, ...]
    together: tuple[int, ...]
    both: tuple[int, ...]
    most_workers: int
    most_ps: int
    loads: tuple[int, ...]
    updates: tuple[int, ...]
    python: tuple[int, ...]
    reduced: tuple[int, ...]
    strategies: bool
    crowds: tuple[tuple[int, int], ...]
    gpu_gemm: tuple[Shape, ...]
    copied: tuple[int, ...]
    moved: tuple[int, ...]
    gpu_batches: int
    batches: int
    rounds: int
    burst_s: float
    window_s: float
    max_samples: int


QUICK = Preset(
    gemm=_GEMM_QUICK,
    largest_bytes=2**22,
    sizes=9,
    tensors=(1, 16, 256),
    together=(4, 2**17, 2**20, 2**22),
    both=(4, 2**16, 2**21),
    most_workers=2,
    most_ps=1,
    loads=(),
    updates=(2**12, 2**21),
    python=(4, 2**21),
    reduced=(4, 2**20),
    strategies=False,
    crowds=((2, 2**20), (8, 2**20)),
    gpu_gemm=_GPU_GEMM_QUICK,
    copied=(4, 2**20, 2**24),
    moved=(4, 2**16, *_AROUND_A_MIB, 3 * 2**20, 2**22),
    gpu_batches=5,
    batches=6,
    rounds=2,
    burst_s=0.1,
    window_s=0.13,
    max_samples=3000,
)
DEFAULT = Preset(
    gemm=_GEMM_FULL,
    largest_bytes=2**26,
    sizes=15,
    tensors=(1, 4, 16, 64, 256),
    together=(4, 2**18, 2**20, 2**22, 2**24),
    both=(4, 2**14, 2**18, 2**21, 2**24),
    most_workers=8,
    most_ps=2,
    loads=(4, 2**20, 2**24),
    updates=(2**12, 2**18, 2**23),
    python=(4, 2**16, 2**20, 2**23),
    reduced=(4, 2**14, 2**18, 2**21, 2**23),
    strategies=True,
    crowds=tuple((flows, size) for flows in (2, 4, 8, 16) for size in (2**20, 2**24)),
    gpu_gemm=_GPU_GEMM_FULL,
    copied=(4, 2**18, 2**24, 2**26),
    moved=(4, 2**14, *_AROUND_A_MIB, 2**22, 2**24, 2**26),
    gpu_batches=7,
    batches=13,
    rounds=5,
    burst_s=0.1,
    window_s=0.15,
    max_samples=5000,
)
FULL = replace(
    DEFAULT,
    largest_bytes=2**28,
    sizes=25,
    tensors=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    both=(4, 2**12, 2**14, 2**16, 2**18, 2**20, 2**21, 2**22, 2**24, 2**26),
    updates=(2**12, 2**16, 2**20, 2**23, 2**26),
    crowds=tuple(
        (flows, size) for flows in (2, 4, 8, 16, 32) for size in (2**17, 2**20, 2**22, 2**24)
    ),
    reduced=(4, 2**10, 2**14, 2**16, 2**18, 2**20, 2**21, 2**22, 2**23, 2**24),
    gpu_batches=13,
    batches=19,
    rounds=10,
    burst_s=0.5,
    window_s=0.6,
    max_samples=10000,
)
PRESETS: dict[PresetName, Preset] = {"quick": QUICK, "default": DEFAULT, "full": FULL}
