"""Session: a calibration from its request to its file, so that nothing measured is ever lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from nworkers.calibrate.campaigns import campaign
from nworkers.calibrate.campaigns.campaign import (
    CampaignProgress,
    CampaignStopped,
    Machines,
    local_machines,
)
from nworkers.calibrate.campaigns.cells import step_batches
from nworkers.calibrate.campaigns.describe import describe
from nworkers.calibrate.campaigns.plan import MeasurementPlan, at_once, plan
from nworkers.calibrate.campaigns.presets import PresetName
from nworkers.calibrate.campaigns.resume import Round, merged, refinement
from nworkers.calibrate.campaigns.scope import (
    FIELDS,
    Scope,
    ScopeDevice,
    changes,
    check_scope,
    scope_of,
)
from nworkers.calibrate.host.environment import environment
from nworkers.calibrate.host.gpus import gpu_count, require_gpu
from nworkers.calibrate.host.processor import usable_cores
from nworkers.calibrate.tensorflow.pipeline import check_pipeline
from nworkers.calibrate.tensorflow.user_model import check_model
from nworkers.calibrate.training.runtime import TENSORFLOW
from nworkers.models.base.errors import Contradiction, FieldText, HardwareError, InputError
from nworkers.models.files.atomic_write import check_output, made_folder
from nworkers.models.files.journal import Journal, journal_path, read_journal
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.findings.environment_diff import differences
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.calibration import Calibration, Planned, Quantity
from nworkers.models.records.workload import Workload

#: Added by a refinement unless the request says how many.
REFINE_ROUNDS = 2
#: A model's step in one process is timed for so long at each batch.
MODEL_S = 1.0
#: At so many batches, each in several fresh processes, which take far longer than their steps.
MODEL_BATCHES, QUICK_MODEL_BATCHES = 5, 3


@dataclass(frozen=True)
class CalibrationRequest:
    """What to measure, where the samples go, and whether an earlier run is gone on with.

    The first fields are those of `Scope`; None takes the default, or what the earlier run had. The
    default of ``device`` is a GPU where there is one.

    Attributes:
        output: the file to write; None for none, so that nothing is kept of a run that is killed.
        machines: where the tasks run; None for ``ps`` and ``workers`` tasks on this machine.
        rounds: None for the preset's; with ``resume`` in all, with ``refine`` how many more.
        only: quantities to measure; all where it is empty.
        resume: go on with the output or its journal; begin where there is neither.
        refine: add rounds of the cells in the output that missed their precision.
        force: replace the output and its journal.
        time_limit_s: no cell begins that is not expected to end within it; None for no limit.
        logs: folder of the tasks' logs; None for one beside the output.
    """

    output: Path | None = None
    preset: PresetName | None = None
    workload: str | None = None
    model: str | None = None
    features: int | None = None
    hidden: int | None = None
    batch: int | None = None
    threads: int | None = None
    input: str | None = None
    soak_minutes: float | None = None
    ps: int | None = None
    workers: int | None = None
    device: ScopeDevice | None = None
    machines: Machines | None = None
    rounds: int | None = None
    only: tuple[Quantity, ...] = ()
    resume: bool = False
    refine: bool = False
    force: bool = False
    time_limit_s: float | None = None
    logs: Path | None = None

    @property
    def how(self) -> Literal["resume", "refine"] | None:
        """How an earlier run is gone on with; None where a new one begins."""
        return "refine" if self.refine else "resume" if self.resume else None

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of the scope that were asked for."""
        found = {name: getattr(self, name) for name in FIELDS}
        if self.machines is not None:
            # Addresses may change between runs; the numbers of tasks may not.
            found |= {"ps": len(self.machines.ps), "workers": len(self.machines.workers)}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class NothingToResume:
    """There is neither a file nor a journal, so a new calibration begins."""

    output: Path


@dataclass(frozen=True)
class Begins:
    """The plan is about to be measured."""

    plan: MeasurementPlan
    logs: Path


@dataclass(frozen=True)
class JournalLost:
    """The journal can be written no more; measuring goes on."""

    why: str


@dataclass(frozen=True)
class NothingLeft:
    """All that was asked for had been measured before."""

    output: Path
    refined: bool


News = NothingToResume | Begins | JournalLost | NothingLeft
Tell = Callable[[News], None]
ShowProgress = Callable[[CampaignProgress], None]


@dataclass(frozen=True)
class Outcome:
    """A calibration at its end; ``not_fitted`` says why it has no profile, if it has none."""

    calibration: Calibration
    not_fitted: str = ""


def _silent(_: object) -> None:
    pass


def measure(
    request: CalibrationRequest, *, progress: ShowProgress = _silent, tell: Tell = _silent
) -> Calibration:
    """`carry_out`, for who wants the calibration alone."""
    return carry_out(request, progress=progress, tell=tell).calibration


def carry_out(
    request: CalibrationRequest, *, progress: ShowProgress = _silent, tell: Tell = _silent
) -> Outcome:
    """Measure, keep each cell at once, write the samples, fit them, write them again.

    Args:
        progress: told before each cell, and while a profile is fitted.
        tell: told what happens on the way.

    Raises:
        InputError: the request cannot be met; or all was measured and cannot be fitted.
        CampaignStopped: interrupted, or a task failed; what was measured is in the output.
        HardwareError: TensorFlow is not installed.
    """
    _check(request)
    before = _before(request, tell)
    with ExitStack() as at_end:
        logs = cache(lambda: at_end.enter_context(_logs(request)))
        return _carried_out(request, before, logs, progress, tell)


@contextmanager
def _logs(request: CalibrationRequest) -> Iterator[Path]:
    """The folder of the tasks' logs; one that was made in vain is none to be left behind."""
    folder = request.logs or default_logs(request.output)
    new = request.logs is None and not folder.exists()
    made_folder(folder, "logs")
    try:
        yield folder
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()


def _carried_out(
    request: CalibrationRequest,
    before: Calibration | None,
    logs: Callable[[], Path],
    progress: ShowProgress,
    tell: Tell,
) -> Outcome:
    made = _planned(request, before, logs, progress)
    machines = request.machines or local_machines(*made.tasks)
    TENSORFLOW.require()
    if made.to_measure or made.soak_left:
        tell(Begins(made, logs()))
        calibration = _measured(request, made, machines, logs(), progress, tell)
    else:
        calibration = _all_there(request, made, tell)
    if calibration.profile is not None:
        return Outcome(calibration)
    return _fitted(request, calibration, progress)


def expected(request: CalibrationRequest) -> MeasurementPlan:
    """What would be measured here, were it begun now; nothing is started, and nothing written.

    Raises:
        InputError, HardwareError: the request cannot be met here.
    """
    return _planned(request, None, Path, _silent)


def default_logs(output: Path | None) -> Path:
    """Beside the output; somewhere temporary where there is none."""
    if output is None:
        return Path(tempfile.mkdtemp(prefix="scale-logs-"))
    return output.with_suffix(".logs")


def _check(request: CalibrationRequest) -> None:
    """Raises: InputError where wishes exclude each other."""
    if request.how is None:
        return
    if request.force:
        raise InputError(request.how, FieldText(f"<{request.how}> with <force>"), "one of them")
    if request.output is None:
        raise InputError(request.how, "no output", "a file to go on with")


def _before(request: CalibrationRequest, tell: Tell) -> Calibration | None:
    """What an earlier run left, where this one is to go on with it.

    Raises:
        InputError: something is there that must not be lost, or nothing that could be refined.
    """
    output, how = request.output, request.how
    if output is None:
        return None
    journal = journal_path(output)
    check_output(output, force=request.force or how is not None)
    if how is None:
        if journal.exists() and not request.force:
            raise InputError(
                "output",
                f"{output}, beside which a run that was killed left {_held(journal)}",
                "<resume> to go on with it, <force> to measure anew, or a new file",
            )
        return None
    file = read_calibration(output) if output.exists() else None
    before = merged(file, read_journal(journal) if journal.exists() else None)
    if before is None:
        if request.refine:
            raise InputError("refine", f"{output}, which does not exist", "a calibration file")
        tell(NothingToResume(output))
        return None
    if before.planned is None:
        raise InputError(
            how,
            f"{output}, which does not say what was planned",
            "a calibration of this scale; <force> measures anew",
        )
    found = differences(before.environment.facts, environment().facts)
    if found:
        raise InputError(
            how,
            f"{output}, measured elsewhere: {', '.join(found)}",
            "the machine and the software that it was measured with; <force> measures anew",
        )
    return before


def _held(journal: Path) -> str:
    try:
        bursts = read_journal(journal).bursts
    except InputError:
        return f"{journal.name}, which cannot be read"
    count = len({(b.round, b.cell) for b in bursts})
    return f"{journal.name} with {count} measured cell{'' if count == 1 else 's'}"


def _planned(
    request: CalibrationRequest,
    before: Calibration | None,
    logs: Callable[[], Path],
    progress: ShowProgress,
) -> MeasurementPlan:
    """The plan on record, and what is left of it.

    Raises:
        InputError: what is asked for is not there, or is other than the earlier run's.
    """
    kept = before.planned if before else None
    scope = _scope(request, kept)
    # Where the numbers of tasks are left to us, more run at once for what workers share.
    ours = not {"ps", "workers"} & set(request.asked)
    cluster = request.machines or local_machines(scope.ps, scope.workers)
    made = plan(
        scope,
        # The file of the first run may have gone, or changed.
        before.workload if before else _workload(request, scope, logs, progress),
        rounds=None if request.refine else request.rounds,
        flows=cluster.ps_on_one_host,
        gpu=scope.device == "gpu",
        gpus=gpu_count(),
        network=cluster.link_kind == "network",
        joined=at_once(scope.preset, usable_cores()) if ours else (0, 0),
    )
    if before is not None:
        _check_cluster(request, before, cluster)
    only = request.only
    chosen = tuple(c for c in made.cells if not only or c.quantity in only)
    if not chosen:
        known = ", ".join(dict.fromkeys(c.quantity for c in made.cells))
        raise InputError("only", ", ".join(only), f"what there is to measure here: {known}")
    made = replace(made, scope=scope, before=before, limit_s=request.time_limit_s)
    if before is None or kept is None:
        return replace(made.narrowed(chosen), only=only)
    # The cells and rounds are those on record, whatever this version would choose.
    if request.refine:
        rounds = refinement(before, request.rounds or REFINE_ROUNDS, only)
        on_record = replace(made.narrowed(kept.cells), rounds=kept.rounds, only=kept.only)
        return replace(on_record, left=rounds)
    # What is asked for may be what the first run left out.
    cells = tuple(dict.fromkeys(kept.cells + (chosen if only else ())))
    made = replace(
        made.narrowed(cells),
        rounds=_rounds(request, before, kept),
        only=tuple(dict.fromkeys(kept.only + only)) if kept.only else (),
    )
    asked = (
        Round(r.number, tuple(c for c in r.cells if not only or c.quantity in only))
        for r in made.lacking
    )
    return replace(made, left=tuple(round_ for round_ in asked if round_.cells))


def _rounds(request: CalibrationRequest, before: Calibration, kept: Planned) -> int:
    """How many rounds a resumed run has in all.

    Raises:
        InputError: fewer than were begun, whose samples would belong to no round of the plan.
    """
    if not request.rounds or request.rounds >= kept.rounds:
        return request.rounds or kept.rounds
    begun = 1 + max((b.round for b in before.bursts if b.round < kept.rounds), default=0)
    if request.rounds < begun:
        raise InputError("rounds", request.rounds, f"at least {begun}, as the file has")
    return request.rounds


def _scope(request: CalibrationRequest, kept: Planned | None) -> Scope:
    """What was asked for, or what the run had that is gone on with.

    Raises:
        InputError: both, and they differ; or it makes no sense.
        HardwareError: a GPU was asked for, and none can be used here.
    """
    known = scope_of(kept.options) if kept else Scope(device="gpu" if gpu_count() else "cpu")
    scope = replace(known, **request.asked)
    check_scope(scope)
    # Tasks elsewhere have GPUs of their own, and say so when they are asked.
    if request.device == "gpu" and request.machines is None:
        require_gpu()
    if scope.input:
        check_pipeline(scope.input)
    found = changes(known, scope) if kept else []
    if found:
        raise InputError(
            str(request.how),
            FieldText(f"{request.output}, measured otherwise: {', '.join(found)}"),
            "the options of its first run, which may be left out; <force> measures anew",
        )
    return scope


def _check_cluster(request: CalibrationRequest, before: Calibration, machines: Machines) -> None:
    """Raises: InputError where the tasks are not joined as they were: loopback is no network."""
    for was, now in ((before.link_kind, machines.link_kind), (before.evidence, machines.evidence)):
        if was != now:
            raise InputError(
                str(request.how),
                f"{request.output}, measured on another kind of cluster: it was {was}, is {now}",
                "tasks started as in its first run; <force> measures anew",
            )


def _workload(
    request: CalibrationRequest,
    scope: Scope,
    logs: Callable[[], Path],
    progress: ShowProgress,
) -> Workload:
    """The workload by its name or file, or as a model of the user's turns out to be."""
    if not scope.model:
        return read_workload(scope.workload)
    if request.workload is not None:
        raise Contradiction("model", scope.model, "workload")
    check_model(scope.model)
    TENSORFLOW.require()
    count = QUICK_MODEL_BATCHES if scope.preset == "quick" else MODEL_BATCHES
    return describe(
        scope.model,
        step_batches(scope.batch, count),
        seconds=MODEL_S,
        logs=logs(),
        progress=lambda told: progress(replace(told, stage="timing the model")),
        # A coordinator may have none, and its workers elsewhere one each.
        device="gpu" if scope.device == "gpu" and gpu_count() else "cpu",
    )


def _measured(
    request: CalibrationRequest,
    made: MeasurementPlan,
    machines: Machines,
    logs: Path,
    progress: ShowProgress,
    tell: Tell,
) -> Calibration:
    """Measure what is left; however it ends, what was measured is written before this returns.

    Raises:
        CampaignStopped: with what the file holds.
    """
    journal = None
    if request.output is not None:
        journal = Journal(journal_path(request.output), lambda why: tell(JournalLost(why)))
    try:
        calibration = campaign.calibrate(
            made, logs=logs, progress=progress, machines=machines, journal=journal
        )
        # The samples are safe before they are fitted: a fit can be repeated, a measurement costs.
        _write(request, calibration)
        if journal is not None:
            journal.remove()
    except CampaignStopped as stopped:
        # The profile of before is still that of the samples that it names.
        profile = made.before.profile if made.before else None
        kept = replace(stopped.calibration, profile=profile)
        if kept.bursts:
            _write(request, kept)
        if journal is not None:
            journal.remove()
        raise CampaignStopped(kept, stopped.cause) from stopped.cause
    finally:
        if journal is not None:
            journal.close()
    return calibration


def _all_there(request: CalibrationRequest, made: MeasurementPlan, tell: Tell) -> Calibration:
    """Nothing is left to measure: what an earlier run left becomes one file."""
    assert made.before is not None
    assert request.output is not None
    left = made.lacking
    stopped = made.before.stopped if left else ""
    calibration = replace(made.before, complete=not left, stopped=stopped, planned=made.planned)
    _write(request, calibration)
    journal_path(request.output).unlink(missing_ok=True)
    tell(NothingLeft(request.output, request.refine))
    return calibration


def _fitted(
    request: CalibrationRequest, calibration: Calibration, progress: ShowProgress
) -> Outcome:
    """The calibration with its profile, written; or why a part of one could not be fitted.

    Raises:
        InputError: all was measured, and still it cannot be fitted.
        HardwareError: the same, where cells that failed were skipped.
    """

    def show(done: int, total: int) -> None:
        progress(CampaignProgress(done, total, "", None, "fitting"))

    try:
        profile = fit_profile(calibration, progress=show)
    except InputError as error:
        if calibration.complete and calibration.planned and not calibration.planned.only:
            if calibration.skipped:
                first, *others = calibration.skipped
                more = f" (and {len(others)} more)" if others else ""
                raise HardwareError(
                    f"too little could be measured for a profile: {error.field}: {error.got}; "
                    f"skipped {first.cell.name}{more}: {first.reason}"
                ) from error
            raise
        return Outcome(calibration, f"{error.field}: {error.got}")
    fitted = replace(calibration, profile=profile)
    _write(request, fitted)
    return Outcome(fitted)


def _write(request: CalibrationRequest, calibration: Calibration) -> None:
    """Raises: InputError, which says where the cells are that the file could not take."""
    if request.output is None:
        return
    try:
        # Whether it may be replaced was settled before anything was measured.
        write_record(request.output, calibration, force=True)
    except InputError as error:
        raise InputError(
            error.field,
            f"{error.got}; what was measured is in {journal_path(request.output)}",
            f"{error.allowed}: make room, then add <resume>",
        ) from None
