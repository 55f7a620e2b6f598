"""The accuracy table: calibrate, predict, train, compare; as root, on a quiet machine.

    python -m benchmarks.accuracy plan
    python -m benchmarks.accuracy train --half blind
    python -m benchmarks.accuracy publish --half blind
    python -m benchmarks.accuracy show
    python -m benchmarks.accuracy score --predictor MODULE:FUNCTION

Each command goes on where it was interrupted. The blind half is trained by sessions, each with its
own calibration, and predicted before. Its first predictions are what is shown and published;
`--anew` predicts by the code as it is now, as is always done for the development half.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy import measuring, sessions, store
from benchmarks.accuracy.curves import Curve, Half, chosen

COMMANDS = (
    "design", "plan", "calibrate", "train", "predict", "show", "score", "discrepancy", "publish",
    "history", "what-if",
)  # fmt: skip


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--half", choices=("development", "blind"), default="development")
    parser.add_argument("--starts", type=int, default=5, help="at most so many of each cell")
    parser.add_argument("--only", default="", help="curves with this in their names")
    parser.add_argument("--anew", action="store_true", help="predict by the code as it is now")
    parser.add_argument("--predictor", default="", help="whose steps to score: MODULE:FUNCTION")
    parser.add_argument("--trial", type=Path, help="a folder for a quick try of the blind half")
    told = parser.parse_args(arguments)
    half: Half = told.half
    if told.trial:
        store.keep_blind_in(told.trial.absolute())
    if told.command == "design":
        from benchmarks.accuracy import blind

        blind.write()
        return
    wanted = "blind" if told.command == "plan" else half
    curves = [curve for curve in chosen(wanted) if told.only in curve.name]
    if told.command == "plan":
        print(sessions.plan(sessions.sessions(curves)))
    elif told.command == "calibrate":
        if half == "blind":
            parser.error("calibrate: got --half blind, whose calibrations train makes")
        measuring.calibrations()
    elif told.command == "train" and half == "blind":
        for session in sessions.sessions(curves):
            sessions.run(session, preset="quick" if told.trial else "default")
    elif told.command == "train":
        measuring.training(curves, most=told.starts)
    else:
        if told.command == "predict" and half != "blind":
            parser.error("predict: got --half development, which is predicted anew; allowed: blind")
        if told.command == "discrepancy" and half == "blind":
            parser.error("discrepancy: got --half blind; allowed: development, to learn from")
        _judge(told, half, curves)


def _judge(told: argparse.Namespace, half: Half, curves: Sequence[Curve]) -> None:
    # Imported here: who trains is to hold no more memory than it needs.
    from benchmarks.accuracy import forecast, report
    from benchmarks.accuracy.rows import rows

    versions = store.versions(half) if half == "blind" and not told.anew else []
    first = versions[0] if versions else None
    if told.command == "predict":
        print(forecast.write_down(curves, half))
    elif told.command == "discrepancy":
        from benchmarks.accuracy.discrepancy import estimate

        for part, deviation in estimate(list(rows(curves))).items():
            print(f"{part:12s} {deviation:.3f}")
    elif told.command == "show":
        report.show(list(rows(curves, first)))
    elif told.command == "publish":
        report.publish(half, curves, first)
    elif told.command == "history":
        test = chosen("test")
        report.publish_history(test, store.versions("test"))
    elif told.command == "score":
        from benchmarks.accuracy import predictors

        cells = [c for c in report.published(half) if told.only in c.curve]
        found = predictors.judged(cells, curves, told.predictor, predictors.named(told.predictor))
        print("\n\n".join(report.figures(found, ("scale", told.predictor))))
    else:
        from benchmarks.accuracy import whatifs

        whatifs.publish(report.PAGE, report.CELLS, curves)


if __name__ == "__main__":
    main(sys.argv[1:])
