"""Predict: what a scenario's workers will do beside a baseline, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, central, interval90
from nworkers.models.costs.compute import compute_time
from nworkers.models.costs.cost_change import CostChange
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.costs.model_discrepancy import computing_factors, step_factors
from nworkers.models.costs.stand_ins import standing_in
from nworkers.models.costs.task_memory import task_memory
from nworkers.models.records.aim import PLAIN_AIM, Aim
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import MAX_WORKERS, Scenario, check_scenario
from nworkers.models.records.what_if import PLAIN
from nworkers.simulator.study.ensemble import Ensemble, simulate
from nworkers.simulator.study.replications import model_scores

#: Joint draws of the parameters.
REPLICATIONS = 200


def predict(
    profile: Profile,
    scenario: Scenario,
    *,
    baseline: str = "device",
    seed: int = 1,
    replications: int = REPLICATIONS,
    progress: Callable[[int, int], None] | None = None,
    aim: Aim = PLAIN_AIM,
) -> Prediction:
    """Simulate the scenario and put it beside the baseline.

    Every replication trains a few steps with one joint draw of the parameters, one round's
    variation between runs and its own noise; the baseline is taken in the same replication, so
    that what slows both cancels. Values are geometric means over replications, so that the speed-up
    is one throughput over the other. Intervals are 90 %, for the mean of a fresh 30 s run (see
    ``ensemble``), widened by what the model itself is off by.

    Args:
        baseline: ``device``, one process without ps; ``host``, one host by its best local means;
            or a number of workers that are owned already, in digits.
        seed: of every random number.
        replications: how many joint draws to take.
        progress: called with the replications done and their number.
        aim: says what of the workers' samples counts as progress.

    Raises:
        InputError: the scenario or the baseline cannot be trained.
    """
    check_scenario(scenario)
    base = baseline_of(profile, scenario, baseline, seed, replications)
    return beside(
        profile,
        scenario,
        base,
        baseline=baseline,
        seed=seed,
        replications=replications,
        progress=progress,
        aim=aim,
    )


@dataclass(frozen=True)
class Baseline:
    """Samples per second of what the workers are compared with: at its best, in each replication.

    ``draws`` hold what the model is off by too. ``batch`` is the samples of one of its steps.
    """

    samples_per_s: float
    draws: Floats
    batch: int


def beside(
    profile: Profile,
    scenario: Scenario,
    base: Baseline | None,
    *,
    baseline: str,
    seed: int,
    replications: int,
    progress: Callable[[int, int], None] | None = None,
    aim: Aim = PLAIN_AIM,
    change: CostChange | None = None,
) -> Prediction:
    """Predict beside a baseline that is known.

    Args:
        base: as ``baseline_of`` gives it.
        aim: says what of the workers' samples counts as progress; its target is not used.
        change: of what the workers' steps cost, and the baseline's do not.
    """
    ensemble = simulate(profile, scenario, seed, replications, progress, change=change)
    single, workers = _single(ensemble, scenario, seed), _workers(ensemble, scenario, seed)
    compared = single if base is None else base
    counted = aim.progress_per_sample(workers.batch, compared.batch)
    speedups = counted * _without_luck(workers, ensemble).draws / compared.draws
    step_time_s = central(ensemble.step_time_s)
    low, high = interval90(workers.draws, workers.samples_per_s)
    speedup = counted * workers.samples_per_s / compared.samples_per_s
    breakdown = ensemble.breakdown
    compute = compute_time(profile.drawn(None), scenario.workload, scenario.per_worker_batch)
    return Prediction(
        scenario=scenario,
        step_time_s=step_time_s,
        step_time_s_interval=(workers.batch / high, workers.batch / low),
        monte_carlo_error=step_time_s * ensemble.monte_carlo_error,
        throughput_samples_per_s=workers.samples_per_s,
        throughput_samples_per_s_interval=(low, high),
        single_process_samples_per_s=single.samples_per_s,
        single_process_step_time_s=scenario.batch / single.samples_per_s,
        baseline=baseline,
        baseline_samples_per_s=compared.samples_per_s,
        speedup=speedup,
        speedup_interval=interval90(speedups, speedup),
        efficiency=speedup / scenario.workers,
        probability_beats=float(np.mean(speedups > 1.0)),
        compute_source=compute.source,
        extrapolated=(
            *extrapolations(profile, scenario),
            *standing_in(profile, scenario, breakdown),
        ),
        bottleneck=max(breakdown, key=breakdown.__getitem__),
        breakdown=breakdown,
        resources=ensemble.resources,
        warmup_steps=ensemble.warmup,
        simulated_steps=ensemble.steps,
        memory=task_memory(profile, scenario),
        draws=tuple(speedups.tolist()),
        throughput_draws=tuple(workers.draws.tolist()),
        progress_per_sample=counted,
        baseline_draws=tuple(compared.draws.tolist()),
    )


def _workers(ensemble: Ensemble, scenario: Scenario, seed: int) -> Baseline:
    """What all workers together train, with what the model is off by, alike at all counts."""
    samples = scenario.counted_workers * scenario.per_worker_batch
    scores = model_scores(seed, len(ensemble.step_time_s))
    off = step_factors(ensemble.breakdown, scenario.strategy, scores)
    step_time_s = ensemble.step_time_s
    return Baseline(samples / central(step_time_s), samples / (step_time_s * off), samples)


def _without_luck(found: Baseline, ensemble: Ensemble) -> Baseline:
    """The same; what a short run gains by chance is no gain of more workers, nor of those owned."""
    slower = np.maximum(1.0, ensemble.alone_s / ensemble.step_time_s)
    return replace(found, draws=found.draws / slower)


def _single(ensemble: Ensemble, scenario: Scenario, seed: int) -> Baseline:
    """What one process trains."""
    step_s = ensemble.single_step_s
    off = computing_factors(model_scores(seed, len(step_s)))
    batch = scenario.batch
    return Baseline(batch / central(step_s), batch / (step_s * off), batch)


def baseline_of(
    profile: Profile, scenario: Scenario, baseline: str, seed: int, replications: int
) -> Baseline | None:
    """The baseline, whatever the number of workers.

    None stands for the single process, which every simulation brings along.

    Raises:
        InputError: no such baseline.
    """
    if baseline == "device":
        return None
    if baseline == "host":
        return _host(profile, scenario, seed, replications)
    workers = int(baseline) if baseline.isascii() and baseline.isdigit() else 0
    try:
        # What is owned is as it is, whatever is asked about.
        owned = check_scenario(replace(scenario, workers=workers, what_if=PLAIN))
    except InputError as error:
        raise InputError(
            "baseline",
            baseline,
            "device, host, or a number of workers that this batch and strategy can train",
        ) from error
    ensemble = simulate(profile, owned, seed, replications)
    return _without_luck(_workers(ensemble, owned, seed), ensemble)


def _host(profile: Profile, scenario: Scenario, seed: int, replications: int) -> Baseline | None:
    """One process, or a host's workers with their ps beside them if that is faster.

    Its devices are those of the scenario. As many workers as the scenario has on one host, but no
    more than cores or samples.
    """
    most = scenario.batch if scenario.scaling == "strong" else MAX_WORKERS
    workers = min(scenario.workers_per_host, max(1, int(profile.host.cores)), most)
    if scenario.strategy == "allreduce" and workers < 2:
        return None
    local = replace(
        scenario,
        workers=workers,
        workers_per_host=workers,
        ps_placement="shared",
        what_if=scenario.what_if.of_devices,
    )
    ensemble = simulate(profile, local, seed, replications)
    together, single = _workers(ensemble, local, seed), _single(ensemble, local, seed)
    is_faster = together.samples_per_s > single.samples_per_s
    return _without_luck(together, ensemble) if is_faster else None
