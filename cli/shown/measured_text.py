"""Measured text: a run that the user timed beside its prediction, and what to check next."""

from __future__ import annotations

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned
from nworkers.models.records.measured_steps import BesideMeasured, Sign, Suspect
from nworkers.models.records.prediction import Prediction

PART_WORDS = {
    "compute": "computing",
    "transfer": "transfers over the wire",
    "latency": "latency of requests",
    "dispatch": "the runtime's dispatch",
    "apply": "applying gradients",
    "input": "reading input",
    "cores": "processor cores, so many times fewer",
}
#: What tells whether it was this part.
CHECKS = {
    "compute": "time the step of one process alone, then --step-time TIME@B",
    "transfer": "iperf3 -J between two hosts, then scale fit",
    "latency": "ping, and scale calibrate --refine --only fetch",
    "dispatch": "scale calibrate --quick on this machine",
    "apply": "processor load of the ps while training",
    "cores": "top on every host while training: other jobs, limits of the container",
    "input": "the input pipeline alone, then --what-if input=RATE",
}
SIGNS: dict[Sign, str] = {
    "stalls": "{stalled} of the time are single steps of three medians and more: look for "
    "checkpoints, summaries, validation or other jobs at those steps",
    "drift": "steps grew by {drift} from the first quarter to the last: a burst credit of the "
    "link (scale calibrate --soak), heat, or memory that fills",
    "outside": "{outside} of a step lie outside the training call: feeding, callbacks, hooks",
}


def verdict(of: BesideMeasured) -> str:
    """One sentence: whether this is normal."""
    times = fmt.times(of.ratio)
    return {
        "normal": f"Normal: your step takes {times} the predicted one, within its interval.",
        "slow": f"Slow: your step takes {times} the predicted one, beyond its interval.",
        "fast": f"Fast: your step takes {times} the predicted one, below its interval.",
        "too short": f"Too few steps to tell: yours take {times} the predicted one, and may yet be "
        "within its interval.",
    }[of.verdict]


def beside(of: BesideMeasured, row: Prediction) -> Sheet:
    """The verdict, the two step times, what is odd, and what would explain it."""
    cut = f", {fmt.count(of.warmup_steps, 'step')} of warm-up left out" if of.warmup_steps else ""
    table = TextTable("step time", "mean", "90 % interval", left=(0,))
    for name, value, interval in (
        ("measured", of.step_time_s, of.interval),
        ("predicted", row.step_time_s, row.step_time_s_interval),
    ):
        mean, span, unit = fmt.columns(value, "s", interval)
        table.add_row(name, f"{mean} {unit}", f"{span} {unit}")
    tone = {"normal": Tone.GOOD, "slow": Tone.BAD}.get(of.verdict, Tone.DOUBT)
    lines: list[Shown] = [
        Toned(verdict(of), tone),
        f"{fmt.count(of.steps, 'step')}{cut}; the median is {fmt.seconds(of.median_s)}.",
        table,
        *(f"  - {_sign(sign, of)}" for sign in of.signs),
    ]
    if of.suspects:
        lines += ["Step times alone do not tell which part it was. Each alone would explain it:"]
        lines += [_suspects(of.suspects)]
    return Sheet(*lines)


def _sign(sign: Sign, of: BesideMeasured) -> str:
    return SIGNS[sign].format(
        stalled=fmt.percent(of.stalled_share),
        drift=fmt.percent(of.drift - 1.0),
        outside=fmt.percent(of.outside_share or 0.0),
    )


def _suspects(found: tuple[Suspect, ...]) -> TextTable:
    table = TextTable("if it were", "takes now", "as long", "what tells", left=(0, 3))
    for suspect in found:
        factor = "cannot" if suspect.factor is None else fmt.times(suspect.factor)
        table.add_row(
            PART_WORDS[suspect.part], fmt.percent(suspect.share), factor, CHECKS[suspect.part]
        )
    return table
