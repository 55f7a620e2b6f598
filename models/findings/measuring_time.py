"""Measuring time: how long a measurement takes that somebody might make next.

The seconds of a round are those that a calibration's own estimate has for its default preset
(`nworkers.calibrate.campaigns.plan`); a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nworkers.models.fitting.precision import PROVISIONAL_ROUNDS

#: Until the first round begins, and what a round takes beside its cells.
_BEGIN_S, _ROUND_S = 8.0, 0.6
#: Of all cells of a quantity in one round, with the start of the runtimes that they need beside
#: sessions; of what is not named here.
_CELLS_S: Mapping[str, float] = MappingProxyType(
    {
        "noop": 5.2,
        "gemm": 2.6,
        "fetch": 6.1,
        "push": 6.1,
        "exchange": 1.4,
        "fetch_push": 2.3,
        "apply": 1.3,
        "to_python": 0.8,
        "allreduce": 3.7,
        "step": 2.1,
        "gradient": 1.1,
        "input": 0.4,
    }
)
_OTHER_S = 2.0
#: A whole calibration of the default preset, and of the one that looks at most sizes.
CALIBRATION_S, FULL_CALIBRATION_S = 165.0, 1200.0
#: One start of real training: fresh processes, a warm-up of 1 s, and 10 s, a tenth more after them.
_TRAINING_S = 4.0 + 1.0 + 1.1 * 10.0
#: Starts of a validation by default.
STARTS = 3
#: Two tools of others on two nodes, and a step timed by hand; a judgement.
NCCL_TESTS_S, IPERF3_S, STEP_S = 120.0, 60.0, 120.0


def rounds_s(quantities: Iterable[str], rounds: int) -> float:
    """So many rounds of these quantities."""
    return _BEGIN_S + rounds * (_ROUND_S + sum(_CELLS_S.get(of, _OTHER_S) for of in quantities))


def all_rounds_s(rounds: int) -> float:
    """So many rounds of all cells of the default preset."""
    return _BEGIN_S + rounds * (CALIBRATION_S - _BEGIN_S) / PROVISIONAL_ROUNDS


def validation_s(counts: int) -> float:
    """A validation at so many numbers of workers, and in one process."""
    return STARTS * (1 + counts) * _TRAINING_S
