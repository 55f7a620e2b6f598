"""Measure docs/calibration-checks.md: ``make calibration``, as root, on a quiet machine.

    python -m benchmarks.calibration                 # all parts
    python -m benchmarks.calibration rates latency   # some of them
    python -m benchmarks.calibration repeat 20       # so many calibrations of this machine

``--smoke`` takes the smallest settings, to see that all of it works; its figures are no figures.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.calibration import durations, latency, rates, repeat

PARTS = ("rates", "latency", "repeat", "durations")
REPEATS = 20


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration", description="Measure docs/calibration-checks.md."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} [N]")
    parser.add_argument("--smoke", action="store_true", help="the smallest settings")
    told = parser.parse_args(arguments)
    counts = [int(word) for word in told.parts if word.isdigit()]
    chosen = [word for word in told.parts if not word.isdigit()] or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    runs = counts[0] if counts else 3 if told.smoke else REPEATS
    for part in chosen:
        if part == "rates":
            rates.measure(rates.SMOKE if told.smoke else rates.Effort())
        elif part == "latency":
            latency.measure(latency.SMOKE if told.smoke else latency.Effort())
        elif part == "repeat":
            repeat.measure(repeat.SMOKE if told.smoke else repeat.Effort(), runs)
        else:
            durations.measure(smoke=told.smoke)


if __name__ == "__main__":
    main(sys.argv[1:])
