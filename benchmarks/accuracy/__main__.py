"""The accuracy table: calibrate, predict, train, compare; as root, on a quiet machine.

    python -m benchmarks.accuracy calibrate
    python -m benchmarks.accuracy train --half development
    python -m benchmarks.accuracy show --half development
    python -m benchmarks.accuracy publish --half development

Each command goes on where it was interrupted. The design is in docs/data/accuracy/design.json.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.accuracy import design, measuring

COMMANDS = ("design", "calibrate", "train", "show", "publish")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--half", choices=("development", "test"), default="development")
    parser.add_argument("--starts", type=int, default=5, help="at most so many of each cell")
    parser.add_argument("--only", default="", help="curves whose name begins so")
    told = parser.parse_args(arguments)
    if told.command == "design":
        design.write()
    elif told.command == "calibrate":
        measuring.calibrations()
    else:
        curves = [c for c in design.read() if c.half == told.half and c.name.startswith(told.only)]
        if told.command == "train":
            measuring.training(curves, most=told.starts)
            return
        from benchmarks.accuracy import report

        if told.command == "show":
            report.show(curves)
        else:
            report.publish(told.half, curves)


if __name__ == "__main__":
    main(sys.argv[1:])
