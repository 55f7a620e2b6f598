"""Predict: what a scenario's workers will do beside a baseline, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.base.statistics import Floats, interval90
from nworkers.models.costs.compute import compute_time
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.costs.model_discrepancy import log_deviation
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.runtimes import Strategy
from nworkers.models.records.scenario import MAX_WORKERS, Scenario, check_scenario
from nworkers.models.records.what_if import PLAIN
from nworkers.simulator.study.ensemble import Ensemble, simulate
from nworkers.simulator.study.replications import model_scores

REPLICATIONS = 48


def predict(
    profile: Profile,
    scenario: Scenario,
    *,
    baseline: str = "device",
    seed: int = 1,
    replications: int = REPLICATIONS,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Simulate the scenario and put it beside the baseline.

    Every replication trains a few steps with one joint draw of the parameters, one round's
    variation between runs and its own noise; the baseline is taken in the same replication, so
    that what slows both cancels. Values are medians over replications, intervals 90 %, for the mean
    of a fresh 30 s run (see ``ensemble``), widened by what the model itself is off by. ``speedup``
    is the median of the paired ratios.

    Args:
        baseline: ``device``, one process without ps; ``host``, one host by its best local means;
            or a number of workers that are owned already, in digits.
        seed: of every random number.
        replications: how many runs to simulate.
        progress: called with the replications done and their number.

    Raises:
        InputError: the scenario or the baseline cannot be trained.
    """
    check_scenario(scenario)
    base = baseline_rates(profile, scenario, baseline, seed, replications)
    return beside(
        profile,
        scenario,
        base,
        baseline=baseline,
        seed=seed,
        replications=replications,
        progress=progress,
    )


def beside(
    profile: Profile,
    scenario: Scenario,
    base: Floats | None,
    *,
    baseline: str,
    seed: int,
    replications: int,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Predict beside a baseline whose samples per second in each replication are known.

    Args:
        base: as ``baseline_rates`` gives it.
    """
    ensemble = simulate(profile, scenario, seed, replications, progress)
    single_rates = scenario.batch / ensemble.single_step_s
    samples = scenario.counted_workers * scenario.per_worker_batch
    step_time_s = float(np.median(ensemble.step_time_s))
    widened_s = _widened(ensemble, scenario.strategy, seed)
    low_s, high_s = interval90(widened_s)
    speedups = samples / widened_s / (single_rates if base is None else base)
    speedup = float(np.median(speedups))
    single_s = float(np.median(ensemble.single_step_s))
    breakdown = ensemble.breakdown
    compute = compute_time(profile.drawn(None), scenario.workload, scenario.per_worker_batch)
    return Prediction(
        scenario=scenario,
        step_time_s=step_time_s,
        step_time_s_interval=(low_s, high_s),
        throughput_samples_per_s=samples / step_time_s,
        throughput_samples_per_s_interval=(samples / high_s, samples / low_s),
        single_process_samples_per_s=scenario.batch / single_s,
        single_process_step_time_s=single_s,
        baseline=baseline,
        speedup=speedup,
        speedup_interval=interval90(speedups),
        efficiency=speedup / scenario.workers,
        probability_beats=float(np.mean(speedups > 1.0)),
        compute_source=compute.source,
        extrapolated=extrapolations(profile, scenario),
        bottleneck=max(breakdown, key=breakdown.__getitem__),
        breakdown=breakdown,
        warmup_steps=ensemble.warmup,
        simulated_steps=ensemble.steps,
        draws=tuple(speedups.tolist()),
    )


def _widened(ensemble: Ensemble, strategy: Strategy, seed: int) -> Floats:
    """Step times with what the model itself is off by, which is alike at all worker counts."""
    scores = model_scores(seed, len(ensemble.step_time_s))
    deviation = log_deviation(ensemble.breakdown, strategy)
    widened: Floats = ensemble.step_time_s * np.exp(deviation * scores)
    return widened


def baseline_rates(
    profile: Profile, scenario: Scenario, baseline: str, seed: int, replications: int
) -> Floats | None:
    """Samples per second of the baseline in each replication, whatever the number of workers.

    None stands for the single process, which every simulation brings along.

    Raises:
        InputError: no such baseline.
    """
    if baseline == "device":
        return None
    if baseline == "host":
        return _host_rates(profile, scenario, seed, replications)
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
    samples = owned.counted_workers * owned.per_worker_batch
    return np.asarray(samples / _widened(ensemble, owned.strategy, seed), dtype=np.float64)


def _host_rates(
    profile: Profile, scenario: Scenario, seed: int, replications: int
) -> Floats | None:
    """One process, or a host's workers with their ps beside them if that is faster.

    As many workers as the scenario has on one host, but no more than cores or samples.
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
        what_if=PLAIN,
    )
    ensemble = simulate(profile, local, seed, replications)
    samples = local.counted_workers * local.per_worker_batch
    rates = np.asarray(samples / _widened(ensemble, local.strategy, seed), dtype=np.float64)
    single = local.batch / ensemble.single_step_s
    return rates if np.median(rates) > np.median(single) else None
