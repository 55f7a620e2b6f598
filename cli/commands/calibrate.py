"""Calibrating: measure this machine, and keep every sample whatever happens."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from nworkers.cli.asked import clusters
from nworkers.cli.asked.options import (
    choices,
    duration,
    integer,
    log_folder,
    number,
)
from nworkers.cli.shown import calibration_text, console, json_view, notes
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.progress import ProgressLine
from nworkers.models.base.defaults import DEFAULT_BATCH, DEFAULT_WORKLOAD
from nworkers.models.base.errors import InputError
from nworkers.models.files.atomic_write import check_output
from nworkers.models.files.journal import Journal, journal_path, read_journal
from nworkers.models.files.store import read_calibration, record_text, write_record
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.findings.environment_diff import differences
from nworkers.models.records.calibration import Calibration, Cell, Planned, Quantity

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.campaign import Machines
    from nworkers.calibrate.campaigns.plan import Plan
    from nworkers.calibrate.campaigns.resume import Round
    from nworkers.calibrate.cluster.membership import Membership
    from nworkers.models.records.workload import Workload

Shape = tuple[int, int, int]
#: Beyond this a matrix or a batch is a slip: the largest product would not fit a machine.
MAX_WIDTH = 2**16
#: Added by a refinement unless --rounds says how many.
REFINE_ROUNDS = 2
STDOUT = Path("-")
#: Options that decide what is measured, as text. A run that goes on with a file takes them from it.
DEFAULTS = {
    "quick": "no",
    "workload": DEFAULT_WORKLOAD,
    "model": "",
    "features": "",
    "hidden": "",
    "batch": str(DEFAULT_BATCH),
    "full": "no",
    "threads": "",
    "input": "",
    "ps": "1",
    "worker": "2",
    "soak": "",
}
#: A model's step in one process is timed for so long at each batch.
MODEL_S = 1.0
#: At so many batches, each in several fresh processes, which take far longer than their steps.
MODEL_BATCHES, QUICK_MODEL_BATCHES = 5, 3
MAX_THREADS = 4096
MAX_SOAK_MINUTES = 1440


@dataclass(frozen=True)
class Request:
    """What was asked for; ``typed`` has the options of `DEFAULTS`, None where one was left out."""

    output: Path
    typed: dict[str, str | None]
    cluster: Membership | None
    connect_timeout_s: float
    rounds: int | None
    only: str | None
    resume: bool
    refine: bool
    time_limit: str | None
    logs: Path | None
    force: bool
    as_json: bool

    @property
    def goes_on(self) -> bool:
        return self.resume or self.refine

    @property
    def how(self) -> str:
        return "--refine" if self.refine else "--resume"


@dataclass(frozen=True)
class _Work:
    """A request made definite: the plan, what is known already, and what is left to measure."""

    plan: Plan
    machines: Machines
    planned: Planned
    before: Calibration | None
    rounds: tuple[Round, ...]

    @property
    def soak_left(self) -> bool:
        before = self.before.bursts if self.before else ()
        return bool(self.plan.soak_s) and all(b.cell.quantity != "soak" for b in before)


def calibrate(request: Request) -> None:
    """Measure, keep each cell at once, write the samples, fit them, write them again."""
    _check(request)
    limit_s = None if request.time_limit is None else duration("--time-limit", request.time_limit)
    before = _before(request)
    work = _work(request, before)

    from nworkers.calibrate.training.runtime import TENSORFLOW

    TENSORFLOW.require()
    left = work.rounds or work.soak_left
    calibration = _measured(request, work, limit_s) if left else _all_there(request, work)
    unfitted = ""
    if calibration.profile is None:
        calibration, unfitted = _fitted(request, calibration)
    _tell(request, calibration, unfitted)


def _check(request: Request) -> None:
    """Raises: InputError where options exclude each other."""
    if request.goes_on and request.force:
        raise InputError(request.how, f"{request.how} with --force", "one of them")
    if request.output != STDOUT:
        return
    if request.as_json:
        raise InputError(
            "--json",
            "--json with -o -",
            "one of them: -o - writes the calibration itself to stdout",
        )
    if request.goes_on:
        raise InputError(request.how, "-o -", "a file to go on with")


def _before(request: Request) -> Calibration | None:
    """What an earlier run left, where this one is to go on with it.

    Raises:
        InputError: something is there that must not be lost, or nothing that could be refined.
    """
    if request.output == STDOUT:
        return None
    output, journal = request.output, journal_path(request.output)
    check_output(output, force=request.force or request.goes_on)
    if not request.goes_on:
        if journal.exists() and not request.force:
            raise InputError(
                "-o/--output",
                f"{output}, beside which a run that was killed left {_held(journal)}",
                "--resume to go on with it, --force to measure anew, or a new file",
            )
        return None
    from nworkers.calibrate.campaigns.resume import merged

    file = read_calibration(output) if output.exists() else None
    before = merged(file, read_journal(journal) if journal.exists() else None)
    if before is None:
        if request.refine:
            raise InputError("--refine", f"{output}, which does not exist", "a calibration file")
        console.note(f"nothing to resume at {output}; beginning")
        return None
    if before.planned is None:
        raise InputError(
            request.how,
            f"{output}, which does not say what was planned",
            "a calibration of this scale; --force measures anew",
        )
    from nworkers.calibrate.host.environment import environment

    found = differences(before.environment.facts, environment().facts)
    if found:
        raise InputError(
            request.how,
            f"{output}, measured elsewhere: {', '.join(found)}",
            "the machine and the software that it was measured with; --force measures anew",
        )
    return before


def _held(journal: Path) -> str:
    try:
        bursts = read_journal(journal).bursts
    except InputError:
        return f"{journal.name}, which cannot be read"
    count = len({(b.round, b.cell) for b in bursts})
    return f"{journal.name} with {fmt.count(count, 'measured cell')}"


def _work(request: Request, before: Calibration | None) -> _Work:
    from nworkers.calibrate.campaigns.resume import Round, pending, refinement

    only = _only(request.only)
    kept = before.planned if before else None
    options = DEFAULTS | _given(request, kept)
    machines = _machines(request, options)
    plan = _plan(request, options, machines, before)
    if before is not None:
        _same_cluster(request, before, machines)
    chosen = tuple(c for c in plan.cells if not only or c.quantity in only)
    if not chosen:
        known = ", ".join(dict.fromkeys(c.quantity for c in plan.cells))
        raise InputError("--only", ", ".join(only), f"what there is to measure here: {known}")
    if kept is None:
        planned = Planned(options, plan.rounds, chosen, only)
    else:
        planned = replace(
            kept,
            rounds=kept.rounds if request.refine or not request.rounds else request.rounds,
            # --only may name what the first run left out.
            cells=tuple(dict.fromkeys(kept.cells + (chosen if only else ()))),
            only=tuple(dict.fromkeys(kept.only + only)) if kept.only else (),
        )
    if before is None:
        return _Work(_carried_out(plan, planned), machines, planned, None, _all(planned))
    if request.refine:
        rounds = refinement(before, request.rounds or REFINE_ROUNDS, only)
        return _Work(_carried_out(plan, kept or planned), machines, kept or planned, before, rounds)
    if kept and request.rounds and request.rounds < kept.rounds:
        # Fewer would leave samples in the file that belong to no round of its plan.
        begun = 1 + max((b.round for b in before.bursts if b.round < kept.rounds), default=0)
        if request.rounds < begun:
            raise InputError("--rounds", request.rounds, f"at least {begun}, as the file has")
    left = pending(planned.cells, planned.rounds, before.bursts, before.skipped)
    asked = (Round(r.number, tuple(c for c in r.cells if _asked(c, only))) for r in left)
    rounds = tuple(round_ for round_ in asked if round_.cells)
    return _Work(_carried_out(plan, planned), machines, planned, before, rounds)


def _asked(cell: Cell, only: tuple[Quantity, ...]) -> bool:
    return not only or cell.quantity in only


def _all(planned: Planned) -> tuple[Round, ...]:
    from nworkers.calibrate.campaigns.resume import Round

    return tuple(Round(number, planned.cells) for number in range(planned.rounds))


def _carried_out(plan: Plan, planned: Planned) -> Plan:
    """The plan with the cells and rounds on record, whatever this version would choose.

    What --only leaves out of training, it leaves out of the memory too, and transfers at once with
    the others.
    """
    measured = {cell.quantity for cell in planned.cells}
    return replace(
        plan,
        cells=planned.cells,
        rounds=planned.rounds,
        memory=plan.memory and bool(measured & {"step", "gradient"}),
        crowds=plan.crowds if "fetch" in measured else (),
    )


def _only(text: str | None) -> tuple[Quantity, ...]:
    names: tuple[Quantity, ...] = get_args(Quantity)
    return () if text is None else choices("--only", text, names)


def _given(request: Request, kept: Planned | None) -> dict[str, str]:
    """The options that decide what is measured: typed, or of the run to go on with.

    Raises:
        InputError: both, and they differ.
    """
    typed = {name: text for name, text in request.typed.items() if text is not None}
    if kept is None:
        return typed
    known = DEFAULTS | kept.options
    found = [
        f"--{name} was {known[name] or 'not given'}, is {text}"
        for name, text in typed.items()
        if text != known[name]
    ]
    if found:
        raise InputError(
            request.how,
            f"{request.output}, measured otherwise: {', '.join(found)}",
            "the options of its first run, which may be left out; --force measures anew",
        )
    return kept.options


def _same_cluster(request: Request, before: Calibration, machines: Machines) -> None:
    """Raises: InputError where the tasks are not joined as they were: loopback is no network."""
    for was, now in ((before.link_kind, machines.link_kind), (before.evidence, machines.evidence)):
        if was != now:
            raise InputError(
                request.how,
                f"{request.output}, measured on another kind of cluster: it was {was}, is {now}",
                "tasks started as in its first run; --force measures anew",
            )


def _machines(request: Request, options: dict[str, str]) -> Machines:
    """Where the tasks run: here, as many as the options say, or in the cluster that was found."""
    if request.cluster is None:
        return clusters.local_machines(options["ps"], options["worker"])
    return clusters.machines(request.cluster, request.connect_timeout_s)


def _plan(
    request: Request, options: dict[str, str], machines: Machines, before: Calibration | None
) -> Plan:
    from nworkers.calibrate.campaigns.plan import plan
    from nworkers.calibrate.tensorflow.devices import gpu_present
    from nworkers.calibrate.tensorflow.pipeline import check_pipeline

    quick, full = options["quick"] == "yes", options["full"] == "yes"
    if quick and full:
        raise InputError("--full", "--full with --quick", "one of them")
    if options["input"]:
        check_pipeline(options["input"])
    threads, soak = options["threads"], options["soak"]
    return plan(
        quick=quick,
        full=full,
        # The file of the first run may have gone, or changed.
        workload=before.workload if before else _workload(request, options),
        batch=integer("--batch", options["batch"], 1, MAX_WIDTH),
        extra_shapes=_extra_shapes(options),
        rounds=None if request.refine else request.rounds,
        workers=len(machines.workers),
        ps=len(machines.ps),
        flows=machines.ps_on_one_host,
        threads=integer("--threads", threads, 1, MAX_THREADS) if threads else None,
        pipeline=options["input"],
        gpu=gpu_present(),
        soak_s=60 * number("--soak", soak, 0.05, MAX_SOAK_MINUTES) if soak else 0.0,
        network=machines.link_kind == "network",
    )


def _workload(request: Request, options: dict[str, str]) -> Workload:
    """The workload by its name or file, or as a model of the user's turns out to be."""
    model = options["model"]
    if not model:
        return read_workload(options["workload"])
    if request.typed["workload"] is not None:
        raise InputError("--model", f"{model} beside --workload", "one of the two options")
    from nworkers.calibrate.campaigns.cells import step_batches
    from nworkers.calibrate.campaigns.describe import describe
    from nworkers.calibrate.tensorflow.user_model import check_model
    from nworkers.calibrate.training.runtime import TENSORFLOW

    check_model(model)
    TENSORFLOW.require()
    batch = integer("--batch", options["batch"], 1, MAX_WIDTH)
    count = QUICK_MODEL_BATCHES if options["quick"] == "yes" else MODEL_BATCHES
    folder = _logs(request)
    with ProgressLine("timing the model", quiet_s=0.0) as progress:
        return describe(
            model,
            step_batches(batch, count),
            seconds=MODEL_S,
            logs=folder,
            progress=progress.tell,
        )


def _extra_shapes(options: dict[str, str]) -> tuple[Shape, ...]:
    """Raises: InputError where only one side of the matrix product is given, or a bad number."""
    features, hidden = options["features"], options["hidden"]
    if not features and not hidden:
        return ()
    if not features or not hidden:
        missing = "--features" if not features else "--hidden"
        raise InputError(missing, "nothing", "both --features K and --hidden N, or neither")
    return (
        (
            integer("--features", features, 1, MAX_WIDTH),
            integer("--batch", options["batch"], 1, MAX_WIDTH),
            integer("--hidden", hidden, 1, MAX_WIDTH),
        ),
    )


def _measured(request: Request, work: _Work, limit_s: float | None) -> Calibration:
    """Measure what is left; however it ends, what was measured is written before this returns."""
    from nworkers.calibrate.campaigns.campaign import CampaignStopped, Course
    from nworkers.calibrate.campaigns.campaign import calibrate as measure

    folder = _logs(request)
    console.note(calibration_text.plan(work.plan, work.rounds, limit_s, folder))
    journal = None if request.output == STDOUT else Journal(journal_path(request.output), _lost)
    course = Course(work.planned, work.before, work.rounds, journal, limit_s)
    try:
        with ProgressLine("calibrating", quiet_s=0.0) as progress:
            calibration = measure(
                work.plan,
                logs=folder,
                progress=progress.tell,
                machines=work.machines,
                course=course,
            )
        # The samples are safe before they are fitted: a fit can be repeated, a measurement costs.
        _write(request, calibration)
        if journal is not None:
            journal.remove()
    except CampaignStopped as stopped:
        _stop(request, work, stopped.calibration, journal)
        raise stopped.cause from None
    finally:
        if journal is not None:
            journal.close()
    return calibration


def _all_there(request: Request, work: _Work) -> Calibration:
    """Nothing is left to measure: what an earlier run left becomes one file."""
    from nworkers.calibrate.campaigns.resume import pending

    before, planned = work.before, work.planned
    assert before is not None
    left = pending(planned.cells, planned.rounds, before.bursts, before.skipped)
    calibration = replace(
        before, complete=not left, stopped=before.stopped if left else "", planned=planned
    )
    _write(request, calibration)
    journal_path(request.output).unlink(missing_ok=True)
    console.note(_nothing_left(request))
    return calibration


def _stop(request: Request, work: _Work, calibration: Calibration, journal: Journal | None) -> None:
    """Keep what was measured until the end came."""
    if not calibration.bursts:
        if journal is not None:
            journal.remove()
        return
    # The profile of before is still that of the samples that it names.
    profile = work.before.profile if work.before else None
    _write(request, replace(calibration, profile=profile))
    if journal is not None:
        journal.remove()
    if request.output != STDOUT:
        console.note(
            f"what was measured until then is in {request.output} (not fitted); to go on: "
            f"scale calibrate {request.how} -o {request.output}"
        )
    else:
        console.emit(record_text(calibration))


def _write(request: Request, calibration: Calibration) -> None:
    """Raises: InputError, which says where the cells are that the file could not take."""
    if request.output == STDOUT:
        return
    journal = journal_path(request.output)
    try:
        # Whether it may be replaced was settled before anything was measured.
        write_record(request.output, calibration, force=True)
    except InputError as error:
        raise InputError(
            error.field,
            f"{error.got}; what was measured is in {journal}",
            f"{error.allowed}: make room, then add --resume",
        ) from None


def _lost(why: str) -> None:
    console.note(f"the journal could not be written: {why}; measuring goes on, and ends with FILE")


def _logs(request: Request) -> Path:
    return log_folder(request.logs or default_logs(request.output))


def default_logs(output: Path) -> Path:
    """Beside the output; somewhere temporary where that is stdout."""
    if output == STDOUT:
        return Path(tempfile.mkdtemp(prefix="scale-logs-"))
    return output.with_suffix(".logs")


def _nothing_left(request: Request) -> str:
    if request.refine:
        return f"every cell asked for in {request.output} has reached its precision"
    return (
        f"{request.output} is complete; --rounds R adds rounds, --refine adds them to the cells "
        "that need them"
    )


def _fitted(request: Request, calibration: Calibration) -> tuple[Calibration, str]:
    """The calibration with its profile, written; or why a part of one could not be fitted.

    Raises:
        InputError: all was measured, and still it cannot be fitted.
    """
    from nworkers.models.fitting.fit import fit_profile

    try:
        with ProgressLine("fitting") as progress:
            profile = fit_profile(calibration, progress=progress.update)
    except InputError as error:
        if calibration.complete and calibration.planned and not calibration.planned.only:
            raise
        return calibration, f"{error.field}: {error.got}"
    fitted = replace(calibration, profile=profile)
    _write(request, fitted)
    return fitted, ""


def _tell(request: Request, calibration: Calibration, unfitted: str) -> None:
    from nworkers.models.findings.original import original

    for environment in (calibration.environment, *calibration.resumed):
        console.notes(notes.of_environment(environment))
    for warning in calibration_text.warnings(calibration):
        console.note(warning)
    rows = original(calibration)
    if request.as_json:
        json_view.emit(json_view.calibration(calibration, rows, request.output, unfitted))
        return
    for cell in calibration.skipped:
        console.note(f"skipped {cell.cell.name}: {cell.reason}")
    text = calibration_text.report(calibration, rows, request.output, unfitted)
    if request.output == STDOUT:
        print(text, file=sys.stderr)
        console.emit(record_text(calibration))
    else:
        console.emit(text)
