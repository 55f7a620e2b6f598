"""Answers: all that predict, breakeven and validate found, before anybody has worded it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nworkers.models.base.defaults import DEFAULT_BATCH
from nworkers.models.base.errors import InputError
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.models.records.setting import Changed
from nworkers.models.records.solved import WayOut
from nworkers.simulator.study.ask import curve, predictions
from nworkers.simulator.study.breakeven import Refine
from nworkers.simulator.study.ensemble import MOST_ERROR
from nworkers.simulator.study.fluid import representatives
from nworkers.simulator.study.no_effect import idle_settings, no_effects
from nworkers.simulator.study.resolve import ResolvedJob, resolve

if TYPE_CHECKING:
    from nworkers.models.records.calibration import Calibration
    from nworkers.models.records.explained import Explained
    from nworkers.models.records.measured_steps import BesideMeasured, MeasuredSteps
    from nworkers.models.records.measurement import Comparison, Measurement
    from nworkers.simulator.decide.job_mix import JobMix, WeightedJob
    from nworkers.simulator.decide.job_options import OptionFound


#: Workers up to which a calibration is looked at where nobody said more.
FIRST_LOOK = 32
#: A way out is looked for at so many numbers of workers, the smallest of those asked about.
_MOST_COUNTS = 4


@dataclass(frozen=True)
class PredictAnswer:
    """A prediction for each number of workers; where none wins, what would."""

    job: ResolvedJob
    rows: tuple[Prediction, ...]
    notes: tuple[str, ...] = ()
    ways_out: tuple[WayOut, ...] | None = None

    @property
    def beyond(self) -> tuple[str, ...]:
        """What the rows rest on beyond the measurement."""
        return _beyond(self.rows)


@dataclass(frozen=True)
class BreakEvenAnswer:
    """The curve over workers, and where on it break-even lies; where nowhere, what would win."""

    job: ResolvedJob
    result: BreakEven
    notes: tuple[str, ...] = ()
    ways_out: tuple[WayOut, ...] | None = None

    @property
    def best(self) -> Prediction:
        """The row of the largest speed-up."""
        return max(self.result.rows, key=lambda row: row.speedup)

    @property
    def decisive(self) -> Prediction:
        """The first row that wins, or the nearest to it."""
        first = self.result.breakeven_workers
        return next((row for row in self.result.rows if row.scenario.workers == first), self.best)

    @property
    def beyond(self) -> tuple[str, ...]:
        """What the rows rest on beyond the measurement."""
        return _beyond(self.result.rows)


@dataclass(frozen=True)
class MixAnswer:
    """The curve of jobs that share the workers, and the notes of each job by its name.

    Where no number of workers reaches the aim, what would in every job.
    """

    found: JobMix
    notes: dict[str, tuple[str, ...]]
    ways_out: tuple[WayOut, ...] | None = None

    @property
    def beyond(self) -> dict[str, tuple[str, ...]]:
        """What each job's rows rest on beyond the measurement."""
        found = self.found
        return {name: _beyond(row.of[name] for row in found.rows) for name in found.jobs}


@dataclass(frozen=True)
class ExplainAnswer:
    """Where a step's time goes, and what would change it."""

    job: ResolvedJob
    found: Explained
    notes: tuple[str, ...] = ()
    beside: BesideMeasured | None = None

    @property
    def beyond(self) -> tuple[str, ...]:
        """What the row rests on beyond the measurement."""
        return _beyond([self.found.row])


@dataclass(frozen=True)
class ValidateAnswer:
    """A measurement beside its prediction."""

    job: ResolvedJob
    measurement: Measurement
    comparison: Comparison


def answer_predict(
    job: ResolvedJob,
    progress: Callable[[int, int], None] | None = None,
    known: Callable[[Prediction], None] | None = None,
) -> PredictAnswer:
    """Predict each scenario; ``known`` is called with each row."""
    rows = predictions(job, progress, known)
    return PredictAnswer(job, rows, _notes(job, rows))


def predict_with_ways_out(
    answer: PredictAnswer,
    request: JobRequest,
    progress: Callable[[int, int], None] | None = None,
) -> PredictAnswer:
    """The answer; where none of its rows wins, with what would."""
    if max(row.speedup for row in answer.rows) > 1.0:
        return answer
    from nworkers.simulator.decide.way_out import ways_out  # noqa: PLC0415 (who wins needs none)

    counts = {row.scenario.workers for row in answer.rows}
    tried = sorted(counts if max(counts) > 1 else {1, 2})[:_MOST_COUNTS]
    return replace(answer, ways_out=ways_out(request, tried, progress, beyond=max(counts)))


def breakeven_with_ways_out(
    answer: BreakEvenAnswer,
    request: JobRequest,
    progress: Callable[[int, int], None] | None = None,
    *,
    beside: Iterable[OptionFound] = (),
) -> BreakEvenAnswer:
    """The answer; where no number of workers reaches the aim, with what would.

    Where it takes more workers than the baseline says are there, with what would do for those.

    Args:
        beside: options that were compared with it, of which one that reaches the aim is way enough.
    """
    result, owned = answer.result, answer.best.owned_workers
    first, most = result.breakeven_workers, result.rows[-1].scenario.workers
    if _is_enough(first, owned) or any(
        _is_enough(option.first_to_reach(result.target_speedup), owned) for option in beside
    ):
        return answer
    from nworkers.models.records.solved import Goal  # noqa: PLC0415 (who wins needs none)
    from nworkers.simulator.decide.way_out import counts_to_try, ways_out  # noqa: PLC0415

    goal = Goal("speedup", result.target_speedup, result.aim)
    if first is None:
        tried, beyond = counts_to_try(goal, most, owned), most
    else:
        assert owned is not None
        tried, beyond = [owned], None
    found = ways_out(request, tried, progress, goal=goal, beyond=beyond)
    return replace(answer, ways_out=found)


def _is_enough(first: int | None, owned: int | None) -> bool:
    """Whether the first number of workers that reaches the aim is there."""
    return first is not None and (owned is None or first <= owned)


def answer_breakeven(
    job: ResolvedJob,
    max_workers: int,
    progress: Callable[[int, int], None] | None = None,
    known: Callable[[Prediction], None] | None = None,
    *,
    aim: Aim = PLAIN_AIM,
    refine: Refine | None = None,
) -> BreakEvenAnswer:
    """The curve of a job that was resolved as one; ``known`` is called with each row."""
    found = curve(job, max_workers, progress, known, aim=aim, refine=refine)
    return breakeven_answer(job, found)


def answer_calibrated(
    calibration: Calibration, progress: Callable[[int, int], None] | None = None
) -> BreakEvenAnswer | None:
    """The curve of what a calibration measured, at its batch, and by default for all else.

    None where no such question can be asked of it, such as of a model of the user's own.
    """
    try:
        request = JobRequest(
            profile=calibration, workload=None, batch=calibration.batch or DEFAULT_BATCH
        )
        job = resolve(request, [FIRST_LOOK], curve=True)
        return answer_breakeven(job, FIRST_LOOK, progress)
    except InputError:
        return None


def breakeven_answer(job: ResolvedJob, result: BreakEven) -> BreakEvenAnswer:
    """The answer that a job's curve gives."""
    return BreakEvenAnswer(job, result, _notes(job, result.rows))


def answer_mix(
    jobs: Sequence[WeightedJob],
    max_workers: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    aim: Aim = PLAIN_AIM,
) -> MixAnswer:
    """The curve of jobs that take turns, each with all the workers."""
    from nworkers.simulator.decide.job_mix import job_mix  # noqa: PLC0415 (as for the next)

    found = job_mix(jobs, max_workers, aim=aim, progress=progress)
    notes = {
        name: _notes(job, tuple(row.of[name] for row in found.rows))
        for name, job in found.jobs.items()
    }
    return MixAnswer(found, notes)


def mix_with_ways_out(
    answer: MixAnswer,
    jobs: Sequence[WeightedJob],
    progress: Callable[[int, int], None] | None = None,
) -> MixAnswer:
    """The answer; where no number of workers reaches the aim for the mix, with what would."""
    found = answer.found
    # Jobs may own workers each; what the most of them do is there for all.
    owned = max((row.owned_workers or 0 for row in found.best.of.values()), default=0) or None
    if _is_enough(found.breakeven_workers, owned):
        return answer
    from nworkers.models.records.solved import Goal  # noqa: PLC0415 (as below)
    from nworkers.simulator.decide.mixed_alternatives import mixed_changes  # noqa: PLC0415
    from nworkers.simulator.decide.way_out import counts_to_try, nearest  # noqa: PLC0415

    goal, most = Goal("speedup", found.target_speedup, found.aim), found.max_workers
    if found.breakeven_workers is None:
        tried, beyond = counts_to_try(goal, most, owned), most
    else:
        assert owned is not None
        tried, beyond = [owned], None
    ways = nearest(mixed_changes(jobs), tried, progress, goal=goal, beyond=beyond)
    return replace(answer, ways_out=ways)


def answer_explain(
    job: ResolvedJob,
    progress: Callable[[int, int], None] | None = None,
    known: Callable[[Prediction], None] | None = None,
    measured: MeasuredSteps | None = None,
) -> ExplainAnswer:
    """Where the step of the job's one scenario goes; ``known`` is called with its row.

    Args:
        measured: a run of the job, to be set beside it.
    """
    # Only these questions need it, and others begin sooner without.
    from nworkers.simulator.decide.beside_measured import beside_measured  # noqa: PLC0415
    from nworkers.simulator.decide.explain import explained  # noqa: PLC0415

    found = explained(job, progress, known)
    beside = None if measured is None else beside_measured(job, found.row, measured)
    return ExplainAnswer(job, found, _notes(job, (found.row,)), beside)


def _notes(job: ResolvedJob, rows: tuple[Prediction, ...]) -> tuple[str, ...]:
    """What of the what-if changes nothing, and what another baseline than one process means."""
    found = [
        *_set(job.changed),
        *idle_settings(job.profile, job.changed, rows),
        *no_effects(job.profile, rows),
    ]
    if limits := [row.scenario for row in rows if representatives(row.scenario)]:
        found.append(
            f"{representatives(limits[0])} workers stand for all {limits[0].workers}: the fluid "
            "limit, within 1 % of simulating each (docs/simulator.md)"
        )
    found += _by_chance(rows)
    named = {"device": "one process", "host": "one host", "1": "1 worker"}
    base = named.get(job.baseline, f"{job.baseline} workers")
    change = rows[0].scenario.what_if
    same_devices = job.baseline in ("device", "host") and change.compute_factor is not None
    if same_devices:
        words = change.worded["compute_factor"]
        found.append(f"{words} holds for the baseline, {base}, too: it has the same devices")
    found += _two_kinds(rows)
    if job.baseline != "device":
        others = change.without("compute_factor") if same_devices else change
        if others.worded:
            other = "other " if same_devices else ""
            found.append(f"the baseline, {base}, trains plainly: no {other}what-if holds for it")
        found.append(
            f"efficiency: 100 % would be N times the samples per second of {base}, with N workers"
        )
    return tuple(found)


def _two_kinds(rows: Iterable[Prediction]) -> Iterator[str]:
    """How workers that are added train beside those that are owned."""
    mixed = [row.scenario for row in rows if row.scenario.added_workers]
    if not mixed or mixed[0].added is None:
        return
    pace = "each kind of worker goes at its own pace"
    if mixed[0].strategy != "ps-async":
        pace = "all wait for the slower kind of worker, which sets the pace"
    first = mixed[0].added.owned + 1
    yield (
        f"workers from number {first} on are added ({mixed[0].added.name}): {pace}; "
        "a worker's batch is the same on either kind"
    )


def _set(changed: Iterable[Changed]) -> Iterator[str]:
    """That the machine is no longer the one that was measured, and in what."""
    told = [
        f"{change.path} {_with_unit(change, change.value)}, measured {_with_unit(change, was)}"
        for change in changed
        if change.is_other and (was := change.was) is not None
    ]
    if told:
        yield f"this is no longer the machine that was measured: {'; '.join(told)}"


def _with_unit(change: Changed, value: float) -> str:
    return f"{value:.3g} {change.unit}".rstrip()


def _by_chance(rows: Iterable[Prediction]) -> Iterator[str]:
    """What chance leaves open of the row that it leaves most of, if that is much."""
    share, workers = max(
        (row.monte_carlo_error / row.step_time_s, row.scenario.workers) for row in rows
    )
    if share > MOST_ERROR:
        yield (
            f"another seed moves the step time of {workers} workers by {100 * share:.1f} % "
            "(standard error); more draws are not simulated"
        )


def _beyond(rows: Iterable[Prediction]) -> tuple[str, ...]:
    # Reasons that differ in a figure alone are one reason, and so are the shares of one base; the
    # largest row's stands for them.
    reasons = {_kind(reason): reason for row in rows for reason in row.extrapolated}
    return tuple(reasons.values())


def _kind(reason: str) -> str:
    return reason.partition(":")[0] if reason.startswith("base ") else re.sub(r"\d+", "", reason)
