"""Measure the figures of docs/fits.md: ``make models``; no TensorFlow, any machine.

python -m benchmarks.models recovery 500             # synthetic data sets of every law
python -m benchmarks.models rounds FILE FILE …       # how rounds of real calibrations differ
python -m benchmarks.models held-out FILE FILE …     # real calibrations
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.models import held_out, recovery, rounds


def main(arguments: list[str]) -> None:
    match arguments:
        case ["recovery", *count]:
            recovery.measure(*map(int, count))
        case ["rounds", *files] if files:
            rounds.measure([Path(file) for file in files])
        case ["held-out", *files] if files:
            held_out.measure([Path(file) for file in files])
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
