"""Report: all that one page tells of a job, in parts that need not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.files.shipped import shipped_profiles
from nworkers.models.files.store import find_profile
from nworkers.models.findings.calibration_answer import CalibrationAnswer, calibration_answer
from nworkers.models.findings.weak_parameters import Weakness, weaknesses
from nworkers.models.records.calibration import Calibration
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven
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
from nworkers.simulator.decide.next_measurement import NextMeasurement, next_measurement
from nworkers.simulator.decide.quantities import job_of
from nworkers.simulator.decide.sliders import Position, Slider, sliders
from nworkers.simulator.study.ask import breakeven
from nworkers.simulator.study.resolve import resolve

#: The sliders' curves, and those of the options, end here: nine values of five quantities are forty
#: curves, and the largest numbers take most of their time.
MOST_SLID = 16
#: With several ps each transfer is one of its own, and a step takes as many times longer.
MOST_SLID_OF = {"ps": 8}

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
    job as it is. ``measured`` is the calibration, where the profile's file has one.
    """

    answer: BreakEvenAnswer
    today: BreakEven
    slid: tuple[Slid, ...]
    explained: ExplainAnswer
    next: NextMeasurement
    ranked: tuple[WayOut, ...]
    options: tuple[OptionFound, ...]
    measured: CalibrationAnswer | None
    weak: tuple[Weakness, ...]


def report_answer(
    request: JobRequest,
    max_workers: int,
    others: Sequence[JobOption] = (),
    carry_out: CarryOut | None = None,
) -> ReportAnswer:
    """All that a report tells.

    Args:
        max_workers: the largest number of workers to look at.
        others: ways to do the job that are compared with it; by default the other strategies.
        carry_out: carries out parts that need not wait for each other; by default one after
            another.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    carry_out = carry_out or _in_turn
    # What the request names is read once, in the first process; the page names it.
    named = resolve(request, [max_workers], curve=True)
    job = job_of(request)
    few = min(max_workers, MOST_SLID)
    options = _options(request, job.request, others, max_workers=few)
    answer: BreakEvenAnswer
    answer, today, compared = carry_out(
        [
            (answer_breakeven, (named, max_workers)),
            (breakeven, (job.request, few)),
            (compare, (options, few)),
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
        (ranked, (job, Goal(), at)),
        (breakeven_with_ways_out, (answer, request)),
        *((_curve, (position.request, most)) for position, most in moved),
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
        return [JobOption("as asked", read), *others][:MOST_OPTIONS]
    plain = replace(read, runtime=None)
    possible = [JobOption(f"as asked ({request.strategy})", read)]
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


def _curve(request: JobRequest, max_workers: int) -> BreakEven | None:
    """The curve of a value; None where the job cannot have it."""
    try:
        return breakeven(request, max_workers)
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
