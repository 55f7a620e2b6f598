"""The accuracy table: calibrate, predict, train, compare; as root, on a quiet machine.

    python -m benchmarks.accuracy calibrate
    python -m benchmarks.accuracy predict --half test
    python -m benchmarks.accuracy train --half test
    python -m benchmarks.accuracy publish --half test
    python -m benchmarks.accuracy what-if

Each command goes on where it was interrupted. The design is in data/design.json, beside
this file. The development half is predicted anew each time that it is shown or published, the test
half only by `predict`, once for each version of the code.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.accuracy import design, measuring, store
from benchmarks.accuracy.design import Curve
from nworkers.calibrate.campaigns.validation import SINGLE

COMMANDS = ("design", "calibrate", "predict", "train", "show", "discrepancy", "publish", "what-if")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--half", choices=("development", "test"), default="development")
    parser.add_argument("--starts", type=int, default=5, help="at most so many of each cell")
    parser.add_argument("--only", default="", help="curves with this in their names")
    told = parser.parse_args(arguments)
    if told.command == "design":
        design.write()
    elif told.command == "calibrate":
        measuring.calibrations()
    elif told.command == "what-if":
        from benchmarks.accuracy import report, whatifs

        whatifs.publish(report.PAGE, design.read())
    else:
        curves = [c for c in design.read() if c.half == told.half and told.only in c.name]
        versions = store.versions() if told.half == "test" else []
        if told.command == "predict" and told.half != "test":
            parser.error("predict: got --half development, which is predicted anew; allowed: test")
        if told.command == "discrepancy" and told.half != "development":
            parser.error("discrepancy: got --half test; allowed: development, to learn from")
        if told.half == "test" and told.command != "predict" and not versions:
            parser.error("--half test: nothing is written down yet; say predict first")
        if told.command == "train":
            measuring.training(curves, most=told.starts)
        else:
            _judge(told.command, told.half, curves, versions)


def _judge(command: str, half: str, curves: list[Curve], versions: list[int]) -> None:
    # Imported here: who trains is to hold no more memory than it needs.
    from benchmarks.accuracy import forecast, report
    from benchmarks.accuracy.discrepancy import estimate
    from benchmarks.accuracy.rows import rows

    if command == "predict":
        print(forecast.write_down(curves))
    elif command == "discrepancy":
        cells = [row for row in rows(curves) if row.workers != SINGLE]
        for part, deviation in estimate(cells).items():
            print(f"{part:12s} {deviation:.3f}")
    elif command == "show":
        report.show(curves, versions[-1] if versions else None)
    else:
        report.publish(half, curves, versions)


if __name__ == "__main__":
    main(sys.argv[1:])
