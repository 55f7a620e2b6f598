"""Next, as text: which measurement to make, what it does to the answer, and its command."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.sheet import Order, Sheet, Shown
from nworkers.cli.shown.table import TextTable
from nworkers.cli.shown.tone import Tone, Toned

if TYPE_CHECKING:
    from nworkers.simulator.decide.next_measurement import NextMeasurement, Suggested

#: What cells of some quantities tell of.
_WORDS = {
    ("noop",): "the runtime's dispatch",
    ("gemm",): "matrix products",
    ("step", "gradient"): "the training step",
    ("fetch",): "the fetch",
    ("push", "fetch_push"): "the push",
    ("apply",): "the optimiser's update",
    ("to_python",): "copies into Python",
    ("input",): "the input pipeline",
    ("allreduce",): "the all-reduce",
    ("fetch", "push", "exchange"): "what flows share",
}
#: What the interval keeps whatever is measured of the parameters.
FLOOR = {
    "runs": "variation between runs",
    "model": "what the model itself is off by",
    "chance": "chance within a run of 30 s",
}
#: How many lines the table has.
_MOST = 8


def suggestions(answer: NextMeasurement, file: str, workload: str | None) -> Sheet:
    """A sentence that says what to do first, the ranked table with its commands, and what stays.

    Args:
        file: where the user's calibration is, or would be.
        workload: as it was asked for.
    """
    parts: list[Shown] = [Toned(first(answer), Tone.HEADLINE)]
    shown = answer.suggested[:_MOST]
    if shown:
        header = ("", "measure", "share now", "speed-up after", "minutes")
        table = TextTable(*header, left=(1,), spare=("share now",))
        for k, one in enumerate(shown, 1):
            table.add_row(
                str(k),
                what(answer, one),
                f"{fmt.percent(one.share)} of the {one.of}",
                "unknown" if one.interval is None else fmt.span(one.interval),
                str(minutes(one)),
            )
        commands = (command(answer, one, file, workload) for one in shown)
        parts += [table, *(Order(f"{k}:", text) for k, text in enumerate(commands, 1)), ""]
    floor = ", ".join(
        f"{FLOOR[name]} ({fmt.percent(share)} of the variance)"
        for name, share in answer.floor.items()
        if fmt.percent(share) != "0 %"
    )
    if floor:
        left = fmt.span(answer.floor_interval)
        parts.append(f"Parameters known exactly would leave {left}: {floor}.")
    return Sheet(*parts)


def first(answer: NextMeasurement) -> str:
    """What to do first, and what it does to the answer."""
    row = answer.row
    which = f"The speed-up of {fmt.count(row.scenario.workers, 'worker')} is"
    known = f"{which} {fmt.digits(row.speedup)} ({fmt.span(row.speedup_interval)})."
    if not answer.suggested:
        return f"No measurement of parameters narrows it: only chance is left. {known}"
    unseen = [one for one in answer.suggested if one.interval is None]
    narrowing = [one for one in answer.suggested if one.interval is not None]
    parts = [_unmeasured(answer, one) for one in unseen[:1]]
    # What stands in is measured first; what its own draws tell is worth a word all the same.
    parts += [_narrows(answer, one, "Then " if unseen else "") for one in narrowing[:1]]
    return " ".join([*parts, known])


def _narrows(answer: NextMeasurement, one: Suggested, then: str) -> str:
    workers = fmt.count(answer.row.scenario.workers, "worker")
    now, time = fmt.span(answer.row.speedup_interval), f"{minutes(one)} min"
    to = "" if one.interval is None else fmt.span(one.interval)
    if one.how == "rounds":
        text = (
            f"measure all again, since its rounds differ: up to {one.rounds} rounds ({time}) "
            f"narrow {now} to {to}."
        )
    elif one.how == "refine":
        rounds = fmt.count(one.rounds, "more round")
        text = f"measure {what(answer, one)} again: {rounds} ({time}) narrow {now} to {to}."
    else:
        doing = {
            "workload": "measure the job's own step",
            "step_time": "time the job's step in one process",
            "train": f"train it for real with {workers}",
            "sizes": "calibrate with larger sizes, and all workers at once",
        }.get(one.how, f"run {what(answer, one)} again")
        text = f"{doing} ({time}): that narrows {now} to {to}."
    return f"{then}{text}" if then else text[0].upper() + text[1:]


def _unmeasured(answer: NextMeasurement, one: Suggested) -> str:
    share, time = fmt.percent(one.share), f"{minutes(one)} min"
    if one.how == "own":
        if answer.job.shipped is not None:
            return (
                f"Measure your own machine first ({time}): all of this is that of "
                f"{answer.job.shipped}."
            )
        return f"Calibrate first ({time}): {share} of the step rest on another machine."
    if one.how == "resume":
        return f"Measure the all-reduce first ({time}): {share} of the step rest on fetches."
    return f"Run {what(answer, one)} first ({time}): {share} of the step rest on a wire unseen."


def what(answer: NextMeasurement, one: Suggested) -> str:
    """What is measured."""
    name = answer.row.scenario.workload.name
    workers = fmt.count(answer.row.scenario.workers, "worker")
    fixed = {
        "rounds": f"all cells, in {one.rounds} rounds",
        "own": "your own machine",
        "workload": f"a step of {name}",
        "step_time": f"a step of {name}",
        "train": f"training with {workers}",
        "sizes": "larger sizes, more workers",
        "iperf3": "iperf3 between two hosts",
        "nccl": "nccl-tests on two nodes",
    }
    return fixed.get(one.how) or _WORDS.get(one.quantities, ", ".join(one.quantities))


def minutes(one: Suggested) -> int:
    """Whole minutes, rounded up."""
    return math.ceil(one.seconds / 60.0)


def command(answer: NextMeasurement, one: Suggested, file: str, workload: str | None) -> str:
    """The command line that makes the measurement, and the one that takes it in."""
    scenario, profile = answer.row.scenario, answer.job.profile
    path = shlex.quote(file)
    tasks = " --ps HOST:PORT --worker HOST:PORT,…"
    cluster = tasks if profile.link.kind == "network" else ""
    # A calibration goes on where it began, whatever wire stands in place of its own.
    again = tasks if profile.link.evidence in ("cluster", "emulated hosts") else ""
    of = "" if workload is None else f" --workload {shlex.quote(workload)}"
    only = ",".join(one.quantities)
    match one.how:
        case "own" | "workload":
            trained = of if scenario.workload.widths else ""
            batch = f" --batch {scenario.batch}" if trained else ""
            # Over a file of the user's, an imported one say, a fresh calibration is not written.
            new = path if answer.job.shipped is not None else "new.json"
            return f"scale calibrate{trained}{batch}{cluster} -o {new}"
        case "sizes":
            return f"scale calibrate --full{cluster} -o new.json"
        case "rounds":
            return f"scale calibrate --resume --rounds {one.rounds}{again} -o {path}"
        case "refine":
            rounds = f" --rounds {one.rounds}"
            return f"scale calibrate --refine --only {only}{rounds}{again} -o {path}"
        case "resume":
            return f"scale calibrate --resume --only {only}{again} -o {path}"
        case "step_time":
            sizes = dict.fromkeys((scenario.batch, scenario.per_worker_batch))
            known = [row.batch for row in scenario.workload.stated_step]
            more = " ".join(f"--step-time TIME@{size}" for size in sizes if size not in known)
            return f"time it; then add {more}"
        case "train":
            weak = " --scaling weak" if scenario.scaling == "weak" else ""
            stated = "".join(
                f" --step-time {1e3 * row.seconds:g}ms@{row.batch}"
                for row in scenario.workload.stated_step
            )
            code = "" if scenario.workload.trainable else " --model MODULE:FUNCTION"
            job = (
                f"{of}{stated}{code} --batch {scenario.batch} --strategy {scenario.strategy}{weak}"
            )
            return f"scale validate --workers {scenario.workers}{job}{cluster} --calibration {path}"
        case "iperf3":
            return f"iperf3 -c HOST -J > iperf.json; scale fit iperf.json --base {path} -o new.json"
        case "nccl":
            return (
                "all_reduce_perf -b 8 -e 1G -f 2 > nccl.txt; "
                f"scale fit nccl.txt --base {path} -o new.json"
            )
