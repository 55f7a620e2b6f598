"""Ask: predictions and the break-even point of a job request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.simulator.study.breakeven import Refine
from nworkers.simulator.study.breakeven import breakeven as _curve
from nworkers.simulator.study.predict import predict as _simulated
from nworkers.simulator.study.resolve import ResolvedJob, resolve

#: Called with what is done and how much there is.
Progress = Callable[[int, int], None]
#: Called with what is known, as it comes to be.
Known = Callable[[Prediction], None]


@overload
def predict(
    request: JobRequest, workers: int, *, progress: Progress | None = None
) -> Prediction: ...


@overload
def predict(
    request: JobRequest, workers: Sequence[int], *, progress: Progress | None = None
) -> tuple[Prediction, ...]: ...


def predict(
    request: JobRequest, workers: int | Sequence[int], *, progress: Progress | None = None
) -> Prediction | tuple[Prediction, ...]:
    """What so many workers will do; one prediction for each number, in the order given.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    if isinstance(workers, int):
        return predictions(resolve(request, [workers]), progress)[0]
    return predictions(resolve(request, workers), progress)


def predictions(
    job: ResolvedJob,
    progress: Progress | None = None,
    known: Known | None = None,
    *,
    aim: Aim = PLAIN_AIM,
) -> tuple[Prediction, ...]:
    """One prediction for each of the job's scenarios; ``known`` is called with each."""
    rows = []
    for scenario in job.scenarios:
        row = _simulated(
            job.profile,
            scenario,
            baseline=job.baseline,
            seed=job.seed,
            progress=progress,
            aim=aim,
        )
        if known is not None:
            known(row)
        rows.append(row)
    return tuple(rows)


def breakeven(
    request: JobRequest,
    max_workers: int = 64,
    *,
    aim: Aim = PLAIN_AIM,
    progress: Progress | None = None,
) -> BreakEven:
    """The fewest workers that beat the baseline, and the curve up to ``max_workers``.

    Args:
        aim: how many times the baseline's speed they have to exceed, and whether all samples count.

    Raises:
        InputError: the request cannot be met; it carries the field.
    """
    return curve(resolve(request, [max_workers], curve=True), max_workers, progress, aim=aim)


def curve(
    job: ResolvedJob,
    max_workers: int,
    progress: Progress | None = None,
    known: Known | None = None,
    *,
    aim: Aim = PLAIN_AIM,
    refine: Refine | None = None,
) -> BreakEven:
    """The curve of a job that was resolved as one; ``known`` is called with each row."""
    (scenario,) = job.scenarios
    return _curve(
        job.profile,
        scenario,
        max_workers=max_workers,
        baseline=job.baseline,
        seed=job.seed,
        progress=progress,
        known=known,
        aim=aim,
        refine=refine,
    )
