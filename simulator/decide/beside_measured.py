"""Beside measured: a run that the user timed, beside the prediction of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from nworkers.models.base.statistics import Floats, central
from nworkers.models.costs.cost_change import CostChange
from nworkers.models.records.measured_steps import (
    BesideMeasured,
    MeasuredSteps,
    Sign,
    Suspect,
    Verdict,
)
from nworkers.models.records.prediction import Cause, Prediction
from nworkers.models.records.profile import CORES, Profile
from nworkers.models.records.setting import Setting
from nworkers.simulator.study.ensemble import simulate
from nworkers.simulator.study.resolve import ResolvedJob
from nworkers.simulator.study.settings import with_settings
from nworkers.simulator.study.warmup import warmup_steps

#: Parts of a step that are slow together, by their causes.
PARTS: Mapping[str, frozenset[Cause]] = MappingProxyType(
    {
        "compute": frozenset({"compute"}),
        "transfer": frozenset({"fetch_transfer", "push_transfer", "collective_transfer"}),
        "latency": frozenset({"fetch_latency", "push_latency", "collective_latency"}),
        "dispatch": frozenset({"dispatch"}),
        "apply": frozenset({"apply"}),
        "input": frozenset({"input"}),
    }
)
#: A warm-up is slower than what follows by more than this.
_WARM = 1.02
#: Successive steps are alike: their mean's error is that of the means of so many batches.
_BATCHES = 20
_T_90 = 1.729  # of Student's t with one degree of freedom less than batches
#: A step of so many medians is a stall.
_STALL = 3.0
#: From which share, and which ratio, on a sign is one.
_STALLED, _DRIFTED, _OUTSIDE = 0.05, 1.1, 0.1
#: A part of less is no suspect; nor is one that would have to be so many times as long.
_LEAST_SHARE = 0.002
_DRAWS, _TRIES, _MOST = 24, 6, 100.0


def beside_measured(job: ResolvedJob, row: Prediction, run: MeasuredSteps) -> BesideMeasured:
    """How a run stands beside the row that predicts it, and what would explain it."""
    cut = _warmup(np.array(run.steps_s))
    steps_s = np.array(run.steps_s[cut:])
    mean_s, median_s = float(steps_s.mean()), float(np.median(steps_s))
    error_s = _error_s(steps_s)
    interval = (mean_s - error_s, mean_s + error_s)
    verdict = _verdict(mean_s, interval, row)
    long_s = steps_s[steps_s > _STALL * median_s] - median_s
    stalled, drift = float(long_s.sum() / steps_s.sum()), _drift(steps_s)
    outside = None
    if run.between_s is not None:
        outside = float(np.sum(run.between_s[cut:]) / steps_s.sum())
    signs: list[Sign] = []
    if stalled > _STALLED:
        signs.append("stalls")
    if drift > _DRIFTED and drift * mean_s - mean_s > error_s:
        signs.append("drift")
    if outside is not None and outside > _OUTSIDE:
        signs.append("outside")
    return BesideMeasured(
        steps=len(run.steps_s),
        warmup_steps=cut,
        step_time_s=mean_s,
        interval=interval,
        median_s=median_s,
        ratio=mean_s / row.step_time_s,
        verdict=verdict,
        stalled_share=stalled,
        drift=drift,
        outside_share=outside,
        signs=tuple(signs),
        suspects=() if verdict in ("normal", "too short") else _suspects(job, row, mean_s),
    )


def _warmup(steps_s: Floats) -> int:
    """How many first steps to leave out: those that are slower than the rest, by MSER-5.

    Of batches of five steps (White, Cobb and Spratt, *Proc. Winter Simulation Conf.* 2000), or of
    single ones where there are few.
    """
    size = 5 if steps_s.size >= 50 else 1
    whole = steps_s.size // size * size
    means_s = steps_s[:whole].reshape(1, 1, -1, size).mean(axis=-1)
    cut = size * warmup_steps(means_s, np.array([1]))
    slower = cut and steps_s[:cut].mean() > _WARM * steps_s[cut:].mean()
    return cut if slower else 0


def _error_s(steps_s: Floats) -> float:
    """90 % of what chance leaves open of the mean: by batch means, since steps are correlated."""
    batches = min(_BATCHES, steps_s.size // 2)
    means_s = np.array([batch.mean() for batch in np.array_split(steps_s, batches)])
    return _T_90 * float(means_s.std(ddof=1)) / math.sqrt(batches)


def _drift(steps_s: Floats) -> float:
    """Medians, which a stall does not move."""
    quarter = max(1, steps_s.size // 4)
    return float(np.median(steps_s[-quarter:]) / np.median(steps_s[:quarter]))


def _verdict(mean_s: float, interval: tuple[float, float], row: Prediction) -> Verdict:
    low, high = row.step_time_s_interval
    if low <= mean_s <= high:
        return "normal"
    if interval[0] <= high and interval[1] >= low:
        return "too short"
    return "slow" if mean_s > high else "fast"


def _suspects(job: ResolvedJob, row: Prediction, step_s: float) -> tuple[Suspect, ...]:
    """Each part of the step with the factor that explains the run; the least change first.

    A step time alone does not tell which part it was.
    """
    (scenario,) = job.scenarios

    def step(profile: Profile, change: CostChange | None = None) -> float:
        found = simulate(profile, scenario, job.seed, _DRAWS, change=change)
        return central(found.step_time_s)

    # What fewer draws say otherwise.
    scale = row.step_time_s / step(job.profile)

    def away(log_factor: float, part: str) -> float:
        """How far a step is from the measured one, where a part takes so many times as long."""
        factor = math.exp(log_factor)
        if part == "cores":
            fewer = [Setting(CORES, factor=1.0 / factor)]
            found_s = step(with_settings(job.profile, fewer)[0])
        else:
            found_s = step(job.profile, CostChange(PARTS[part], factor))
        return math.log(found_s * scale / step_s)

    now = math.log(row.step_time_s / step_s)
    suspects = []
    for part, causes in (*PARTS.items(), ("cores", frozenset({"host_contention"}))):
        share = sum(row.breakdown.get(cause, 0.0) for cause in causes) / row.step_time_s
        if share >= _LEAST_SHARE:
            suspects.append(Suspect(part, share, _factor(partial(away, part=part), now)))
    unlikely = math.log(_MOST) + 1.0
    return tuple(
        sorted(suspects, key=lambda s: unlikely if s.factor is None else abs(math.log(s.factor)))
    )


def _factor(of: Callable[[float], float], now: float) -> float | None:
    """The factor at which a step is as long as was measured, by regula falsi between logarithms."""
    far = math.copysign(math.log(_MOST), -now)
    near, reached = (0.0, now), of(far)
    if reached * now > 0.0:
        return None
    end, at = (far, reached), far
    for _ in range(_TRIES):
        at = near[0] - near[1] * (end[0] - near[0]) / (end[1] - near[1])
        value = of(at)
        if abs(value) < 0.01:
            break
        near, end = ((at, value), end) if value * now > 0.0 else (near, (at, value))
    return math.exp(at)
