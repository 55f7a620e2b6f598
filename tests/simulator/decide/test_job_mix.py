"""A mix of jobs: by hand from its jobs' own predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.what_if import WhatIf
from nworkers.simulator.decide.job_mix import WeightedJob, job_mix
from nworkers.simulator.study.ask import breakeven, predict

FAST = JobRequest(workload="resnet-50", batch=64, scaling="weak")
SLOW = JobRequest(workload="mlp:784,512,10", batch=64, scaling="weak")


def test_one_job_is_its_own_mix() -> None:
    alone = breakeven(FAST, 12)
    mixed = job_mix([WeightedJob("one", FAST, 7.0)], 12)
    assert mixed.breakeven_workers == alone.breakeven_workers
    assert mixed.breakeven_workers_interval == alone.breakeven_workers_interval
    assert mixed.beats_single == alone.beats_single
    for row, own in zip(mixed.rows, alone.rows, strict=True):
        assert row.workers == own.scenario.workers
        assert row.speedup == pytest.approx(own.speedup)
        assert row.speedup_interval == pytest.approx(own.speedup_interval)
        assert row.probability_exceeds(1.0) == pytest.approx(own.probability_beats)


def test_seconds_a_sample_are_averaged_by_weight() -> None:
    mixed = job_mix([WeightedJob("fast", FAST, 3.0), WeightedJob("slow", SLOW, 1.0)], 4)
    row = mixed.rows[-1]
    one, other = predict(FAST, 4), predict(SLOW, 4)
    seconds = 0.75 / one.throughput_samples_per_s + 0.25 / other.throughput_samples_per_s
    alone = 0.75 / one.baseline_samples_per_s + 0.25 / other.baseline_samples_per_s
    assert row.samples_per_s == pytest.approx(1 / seconds)
    assert row.speedup == pytest.approx(alone / seconds)
    each = {name: of.speedup for name, of in row.of.items()}
    assert each == {"fast": one.speedup, "slow": other.speedup}


def test_the_interval_is_of_the_first_that_wins_in_each_draw() -> None:
    # Where the mix wins with 2 or 3, by chance, one number is no honest answer.
    jobs = [WeightedJob("fast", FAST, 3.0), WeightedJob("slow", SLOW, 1e-4)]
    found = job_mix(jobs, 8)
    first = [
        next((row.workers for row in found.rows if row.draws[k] > 1.0), 99)
        for k in range(len(found.rows[0].draws))
    ]
    low, high = np.quantile(first, [0.05, 0.95], method="inverted_cdf")
    assert found.breakeven_workers_interval == (low, high)
    assert low < high


def test_a_crossing_is_found_between_the_numbers_of_the_grid() -> None:
    jobs = [WeightedJob("one", FAST, 1.0)]
    rows = {row.workers: row.speedup for row in job_mix(jobs, 16).rows}
    target = (rows[8] + rows[12]) / 2 if rows[12] > rows[8] else rows[8] * 0.999
    found = job_mix(jobs, 16, aim=Aim(target))
    first = found.breakeven_workers
    assert first is not None
    assert predict(FAST, first).speedup > target >= predict(FAST, first - 1).speedup


def test_a_job_that_needs_several_workers_begins_the_curve() -> None:
    backup = WhatIf(said=("backup-workers=2",), backup_workers=2)
    spare = replace(FAST, strategy="ps-sync", what_if=backup)
    mixed = job_mix([WeightedJob("one", FAST, 1.0), WeightedJob("spare", spare, 1.0)], 6)
    assert [row.workers for row in mixed.rows] == [3, 4, 5, 6]


def test_what_is_no_mix_is_refused() -> None:
    one = WeightedJob("one", FAST, 1.0)
    for jobs in ([], [one, one], [WeightedJob("none", FAST, 0.0)], [one] * 21):
        with pytest.raises(InputError, match="mix"):
            job_mix(jobs, 4)
