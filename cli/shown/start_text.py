"""Start text: what ``scale`` alone says to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Entry, Order, Sheet

QUESTION = (
    "How many workers does it take before distributed training beats one process?\n"
    "scale answers for your hardware and your model."
)


def next_steps(hardware: Sequence[str], unfinished: Sequence[str], *, can_measure: bool) -> Sheet:
    """The next commands, each with what it is for.

    Args:
        hardware: files of calibrations and profiles, the latest first.
        unfinished: outputs of calibrations that were ended.
    """
    steps: list[tuple[str, str]] = []
    if unfinished:
        name = shlex.quote(unfinished[0])
        steps.append((f"scale calibrate --resume -o {name}", "go on where measuring ended"))
    if hardware:
        here = _here(hardware)
        name = shlex.quote(hardware[0])
        steps += [
            (f"scale breakeven --calibration {name}", "the smallest number of workers that wins"),
            (
                f"scale predict --workers 1-8 --calibration {name}",
                "each count: speed, and its time",
            ),
        ]
        if can_measure:
            steps.append(
                (f"scale validate --workers 1,2 --calibration {name}", "train, and compare")
            )
    else:
        here = "No calibration is in this folder."
        steps.append(("scale breakeven", "an answer now, for a machine that ships with scale"))
        install = "" if can_measure else "; first: pip install 'nworkers[tf]'"
        steps.append(
            ("scale calibrate --quick -o my.json", f"measure yours, about a minute{install}")
        )
    lines = [
        line
        for command, meaning in steps
        for line in (Order(" ", command), Entry("      ", meaning))
    ]
    return Sheet(QUESTION, "", here, "", "Next:", *lines, "", _ALSO)


_ALSO = "What is installed and here: scale doctor. All commands: scale --help"


def _here(names: Sequence[str]) -> str:
    more = f", and {fmt.count(len(names) - 1, 'more file')} of hardware" if len(names) > 1 else ""
    return f"In this folder: {names[0]}{more}."
