"""Predict: what a scenario's workers will do beside a baseline, with intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scale.models.costs import compute_time, extrapolations
from scale.models.errors import InputError
from scale.models.prediction import Prediction
from scale.models.profile import Profile
from scale.models.scenario import MAX_WORKERS, Scenario, check_scenario
from scale.models.statistics import Floats, interval90
from scale.simulator.ensemble import simulate, single_process_s

REPLICATIONS = 40


def predict(
    profile: Profile,
    scenario: Scenario,
    *,
    baseline: str = "device",
    seed: int = 1,
    replications: int = REPLICATIONS,
) -> Prediction:
    """Simulate the scenario and put it beside the baseline.

    Every replication trains a few steps with one joint draw of the parameters, one round's
    variation between runs and its own noise; the baseline is taken in the same replication, so
    that what slows both cancels. Values are medians over replications, intervals 90 % and for the
    mean of a fresh 30 s run (see ``ensemble``). ``speedup`` is the median of the paired ratios.

    Args:
        baseline: ``device``, one process without ps; ``host``, one host by its best local means;
            or a number of workers that are owned already, in digits.
        seed: of every random number.
        replications: how many runs to simulate.

    Raises:
        InputError: the scenario or the baseline cannot be trained.
    """
    check_scenario(scenario)
    base = baseline_rates(profile, scenario, baseline, seed, replications)
    return beside(profile, scenario, base, baseline=baseline, seed=seed)


def beside(
    profile: Profile, scenario: Scenario, base: Floats, *, baseline: str, seed: int
) -> Prediction:
    """Predict beside a baseline whose samples per second in each replication are known."""
    ensemble = simulate(profile, scenario, seed, len(base))
    samples = scenario.workers * scenario.per_worker_batch
    step_time_s = float(np.median(ensemble.step_time_s))
    low_s, high_s = interval90(ensemble.step_time_s)
    speedups = samples / ensemble.step_time_s / base
    speedup = float(np.median(speedups))
    single_s = float(np.median(single_process_s(profile, scenario, seed, len(base))))
    breakdown = ensemble.breakdown
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
        compute_source=compute_time(
            profile, scenario.workload, scenario.per_worker_batch, None
        ).source,
        extrapolated=extrapolations(profile, scenario),
        bottleneck=max(breakdown, key=breakdown.__getitem__),
        breakdown=breakdown,
        draws=tuple(speedups.tolist()),
    )


def baseline_rates(
    profile: Profile, scenario: Scenario, baseline: str, seed: int, replications: int
) -> Floats:
    """Samples per second of the baseline in each replication; the same for any number of workers.

    Raises:
        InputError: no such baseline.
    """
    device = scenario.batch / single_process_s(profile, scenario, seed, replications)
    if baseline == "device":
        return device
    if baseline == "host":
        workers = _local_workers(profile, scenario)
        if workers < (2 if scenario.strategy == "allreduce" else 1):
            return device
        local = replace(
            scenario, workers=workers, workers_per_host=workers, ps_placement="shared"
        )
        rates = _rates(profile, local, seed, replications)
        return rates if np.median(rates) > np.median(device) else device
    owned = int(baseline) if baseline.isascii() and baseline.isdigit() else 0
    try:
        if not 1 <= owned <= MAX_WORKERS:
            raise ValueError
        owned_scenario = check_scenario(replace(scenario, workers=owned))
    except ValueError as error:
        raise InputError(
            "--baseline",
            baseline,
            "device, host, or a number of workers that this batch and strategy can train",
        ) from error
    return _rates(profile, owned_scenario, seed, replications)


def _local_workers(profile: Profile, scenario: Scenario) -> int:
    """Workers on one whole host: as many as it takes, but no more than cores or samples."""
    samples = scenario.batch if scenario.scaling == "strong" else MAX_WORKERS
    return min(scenario.workers_per_host, max(1, int(profile.host.cores)), samples)


def _rates(profile: Profile, scenario: Scenario, seed: int, replications: int) -> Floats:
    ensemble = simulate(profile, scenario, seed, replications)
    samples = scenario.workers * scenario.per_worker_batch
    return np.asarray(samples / ensemble.step_time_s, dtype=np.float64)
