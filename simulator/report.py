"""Report: all that one page tells of a job, in parts that need not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.files.shipped import shipped_profiles
from nworkers.models.files.store import find_profile
from nworkers.models.findings.calibration_answer import CalibrationAnswer, calibration_answer
from nworkers.models.findings.weak_parameters import Weakness, weaknesses
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.runtimes import STRATEGIES
from nworkers.models.records.solved import Goal, WayOut
from nworkers.simulator.answers import (
    BreakEvenAnswer,
    ExplainAnswer,
    answer_breakeven,
    answer_explain,
    breakeven_with_ways_out,
)
from nworkers.simulator.decide.alternatives import ranked
from nworkers.simulator.decide.job_options import MOST_OPTIONS, JobOption, OptionFound, compare
from nworkers.simulator.decide.money import Assignment, CostCurve, Prices, costs_of, undecided
from nworkers.simulator.decide.next_measurement import NextMeasurement, next_measurement
from nworkers.simulator.decide.quantities import job_of
from nworkers.simulator.decide.sliders import Position, Slider, sliders
from nworkers.simulator.study.ask import breakeven
from nworkers.simulator.study.resolve import ResolvedJob, resolve

#: The sliders' curves, and those of the options, end here: nine values of five quantities are forty
#: curves, and the largest numbers take most of their time.
MOST_SLID = 16
#: With several ps each transfer is one of its own, and a step takes as many times longer.
MOST_SLID_OF = {"ps": 6}
#: Workers that come so near to the fastest are as good, and cost less.
NEARLY = 0.9
FAR_FEWER = 0.75

#: A part of a report: a function of this package's, and what it is given.
Part = tuple[Callable[..., Any], tuple[Any, ...]]
#: Carries parts out, here or elsewhere, and gives what they found in the same order.
CarryOut = Callable[[Sequence[Part]], Iterable[Any]]


@dataclass(frozen=True)
class SlidTo:
    """A value of a slider with its curve."""

    position: Position
    curve: BreakEven


@dataclass(frozen=True)
class Slid:
    """A slider, the values of it that the job can have with their curves, and which is today's."""

    slider: Slider
    found: tuple[SlidTo, ...]
    today: int


@dataclass(frozen=True)
class ReportAnswer:
    """What one page tells of a job.

    ``today`` is the curve that all sliders start from; ``explained`` and ``next`` are of the number
    of workers that decides. ``ranked`` are single changes there, the best first and among them the
    job as it is. ``costs`` are those of the curve, where prices or samples are given. ``measured``
    is the calibration, where the profile's file has one.
    """

    answer: BreakEvenAnswer
    today: BreakEven
    slid: tuple[Slid, ...]
    explained: ExplainAnswer
    next: NextMeasurement
    ranked: tuple[WayOut, ...]
    options: tuple[OptionFound, ...]
    costs: CostCurve | None
    measured: CalibrationAnswer | None
    weak: tuple[Weakness, ...]

    @property
    def nearly_best(self) -> Prediction:
        """Far fewer workers that are nearly as fast as the fastest; else those themselves."""
        result, best = self.answer.result, self.answer.best
        enough = next(row for row in result.rows if row.speedup >= NEARLY * best.speedup)
        far = enough.scenario.workers <= FAR_FEWER * best.scenario.workers
        return enough if far else best


def report_answer(
    request: JobRequest,
    max_workers: int,
    others: Sequence[JobOption] = (),
    carry_out: CarryOut | None = None,
    *,
    aim: Aim = PLAIN_AIM,
    worth: tuple[Prices, Assignment] | None = None,
) -> ReportAnswer:
    """All that a report tells.

    Args:
        max_workers: the largest number of workers to look at.
        others: ways to do the job that are compared with it; by default the other strategies.
        carry_out: carries out parts that need not wait for each other; by default one after
            another.
        aim: from when on workers win, and what of their samples counts.
        worth: what hosts cost, and what is to be trained by when and for how much.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    carry_out = carry_out or _in_turn
    # What the request names is read once, in the first process; the page names it.
    named = resolve(request, [max_workers], curve=True)
    job = job_of(request)
    few = min(max_workers, MOST_SLID)
    options = _options(request, job.request, others, max_workers=few)
    prices, work = worth or (None, None)
    curve_of = partial(_curve, aim=aim)
    answer: BreakEvenAnswer
    answer, today, compared = carry_out(
        [
            (_answered, (named, max_workers, aim, worth)),
            (partial(breakeven, aim=aim), (job.request, few)),
            (partial(compare, aim=aim, prices=prices, assignment=work), (options, few)),
        ]
    )
    at = answer.decisive.scenario.workers
    wins = answer.result.breakeven_workers is not None
    known = sliders(job, at, wins=wins)
    asked = [
        (position, min(few, MOST_SLID_OF.get(slider.name, few)))
        for slider in known
        for position in slider.positions
    ]
    # The curve of today is known.
    moved = [(position, most) for position, most in asked if (position.factor, most) != (1.0, few)]
    parts: list[Part] = [
        (_explained, (request, at)),
        (next_measurement, (request, at)),
        (ranked, (job, Goal("speedup", aim.target_speedup, aim), at)),
        (breakeven_with_ways_out, (answer, request)),
        *((curve_of, (position.request, most)) for position, most in moved),
    ]
    explained, following, alike, whole, *found = carry_out(parts)
    of = {id(position): today for position, _ in asked}
    of |= {id(position): curve for (position, _), curve in zip(moved, found, strict=True)}
    return ReportAnswer(
        answer=whole,
        today=today,
        slid=tuple(_slid(slider, of) for slider in known),
        explained=explained,
        next=following,
        ranked=alike,
        options=compared,
        costs=costs_of(whole.result, *worth) if worth is not None else None,
        measured=_measured(request),
        weak=weaknesses(named.profile),
    )


def _measured(request: JobRequest) -> CalibrationAnswer | None:
    """What is told of the calibration that the request names, if it names one."""
    source = request.profile
    if isinstance(source, Profile) or source in shipped_profiles():
        return None
    if isinstance(source, Calibration):
        return calibration_answer(source)
    _, calibration = find_profile("calibration", str(source))
    return None if calibration is None else calibration_answer(calibration)


def _in_turn(parts: Sequence[Part]) -> list[Any]:
    return [function(*given) for function, given in parts]


def _options(
    request: JobRequest, read: JobRequest, others: Sequence[JobOption], *, max_workers: int
) -> list[JobOption]:
    """The job, and what it is compared with; of the other strategies those that it may have."""
    if others:
        return [JobOption("what is asked", read), *others][:MOST_OPTIONS]
    plain = replace(read, runtime=None)
    possible = [JobOption(f"{request.strategy} (as asked)", read)]
    for strategy in STRATEGIES:
        if strategy == request.strategy:
            continue
        option = JobOption(strategy, replace(plain, strategy=strategy))
        try:
            resolve(option.request, [max_workers], curve=True)
        except InputError:
            continue
        possible.append(option)
    return possible


def _answered(
    job: ResolvedJob, max_workers: int, aim: Aim, worth: tuple[Prices, Assignment] | None
) -> BreakEvenAnswer:
    refine = None if worth is None else undecided(*worth)
    return answer_breakeven(job, max_workers, aim=aim, refine=refine)


def _curve(request: JobRequest, max_workers: int, *, aim: Aim) -> BreakEven | None:
    """The curve of a value; None where the job cannot have it."""
    try:
        return breakeven(request, max_workers, aim=aim)
    except InputError:
        return None


def _explained(request: JobRequest, workers: int) -> ExplainAnswer:
    return answer_explain(resolve(request, [workers]))


def _slid(slider: Slider, of: Mapping[int, BreakEven | None]) -> Slid:
    """With the values that the job can have."""
    curves = ((position, of[id(position)]) for position in slider.positions)
    found = [SlidTo(position, curve) for position, curve in curves if curve is not None]
    now = next(k for k, one in enumerate(found) if one.position.factor == 1.0)
    return Slid(slider, tuple(found), now)
