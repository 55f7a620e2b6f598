"""Doctor text: what was found of this machine, and what calibrate would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Entry, Sheet
from nworkers.cli.shown.tone import Tone

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.examination import Examination

#: So that a trouble is seen without colour too.
MARKS = {"good": "ok", "doubtful": "!", "bad": "NO"}
MARK = 4
TONES = {"good": Tone.PLAIN, "doubtful": Tone.DOUBT, "bad": Tone.BAD}


def report(found: Examination) -> Sheet:
    """A line for each thing looked at; beneath what is not good stands what to do next."""
    column = max(len(one.what) for one in found.findings) + 2
    lines: list[str] = []
    for one in found.findings:
        head = f"{MARKS[one.health]:{MARK}}{one.what:{column}}"
        lines.append(Entry(head, one.state, TONES[one.health]))
        if one.next:
            lines.append(Entry(" " * len(head), f"next: {one.next}"))
    return Sheet(*lines, "", *_calibrate(found))


def _calibrate(found: Examination) -> list[str]:
    if not found.can_calibrate:
        bad = " and ".join(one.what for one in found.findings if one.health == "bad")
        return [f"scale calibrate cannot run yet: see {bad}.", "scale breakeven answers meanwhile."]
    lines = ["Nothing stands in the way of scale calibrate."]
    for command, takes_s in (
        ("scale calibrate --quick -o my.json", found.quick_s),
        ("scale calibrate -o my.json", found.default_s),
    ):
        if takes_s is not None:
            lines.append(f"  {command:36}at most {fmt.clock(takes_s)}")
    return lines
