"""Published tables that ship along, and up to how many workers their rows are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PUBLISHED = Path(__file__).parents[2] / "files" / "published"


@dataclass(frozen=True)
class Split:
    """The rows of one system up to ``fit_to`` workers are fitted, and those beyond predicted."""

    file: str
    system: str
    fit_to: int

    @property
    def path(self) -> Path:
        return PUBLISHED / self.file


_TENSORFLOW, _DAINT = "tf_benchmarks_2017.csv", "piz_daint_2017.csv"
#: On EC2 eight GPUs are one machine, whose rows say nothing of the network.
SPLITS = (
    Split(_TENSORFLOW, "p2.8xlarge-K80", 16),
    Split(_TENSORFLOW, "DGX-1-P100", 4),
    *(Split(_DAINT, "Piz-Daint-P100", workers) for workers in (8, 16, 32, 64)),
)
