"""Options of one job: each beside the first, by the same chances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.decide.job_options import MOST_OPTIONS, JobOption, compare
from nworkers.simulator.study.ask import breakeven, predict

JOB = JobRequest(workload="gemm:2048,2048", batch=64, scaling="weak")


def test_the_same_job_twice_is_as_fast_to_the_last_digit() -> None:
    first, other = compare([JobOption("one", JOB, 4), JobOption("other", JOB, 4)], 8)
    assert (other.ratio, other.ratio_interval) == (1.0, (1.0, 1.0))
    assert first.row == other.row


def test_a_ratio_is_that_of_the_rows_and_its_interval_that_of_the_replications() -> None:
    faster = replace(JOB, link="10gbit")
    first, other = compare([JobOption("as asked", JOB, 4), JobOption("faster", faster, 4)], 8)
    assert first.row == predict(JOB, 4)
    assert other.row == predict(faster, 4)
    assert other.ratio == pytest.approx(
        other.row.throughput_samples_per_s / first.row.throughput_samples_per_s
    )
    each = np.array(other.row.throughput_draws) / np.array(first.row.throughput_draws)
    assert other.ratio_interval == tuple(np.quantile(each, [0.05, 0.95]))
    assert other.ratio_interval[0] > 1.0


def test_what_moves_both_cancels() -> None:
    """Bytes fewer by a little: surer to be a gain than either's own interval tells."""
    (_, other) = compare([JobOption("4", JOB, 4), JobOption("batch", replace(JOB, batch=66), 4)], 8)
    low, high = other.ratio_interval
    alone = other.row.throughput_samples_per_s_interval
    assert high / low < 0.5 * (alone[1] / alone[0] - 1.0) + 1.0


def test_an_option_without_a_number_of_workers_has_its_curve_and_its_best() -> None:
    (found,) = compare([JobOption("open", JOB)], 6)
    assert found.curve == breakeven(JOB, 6)
    assert found.curve is not None
    assert found.row == max(found.curve.rows, key=lambda row: row.throughput_samples_per_s)


def test_options_of_different_chances_or_too_many_are_refused() -> None:
    one, other = JobOption("one", JOB, 2), JobOption("other", replace(JOB, seed=2), 2)
    with pytest.raises(InputError, match="one for all options"):
        compare([one, other], 8)
    with pytest.raises(InputError, match="more are a sweep"):
        compare([one] * (MOST_OPTIONS + 1), 8)
