"""Options of one job: each beside the first, by the same chances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.decide.job_options import MOST_OPTIONS, JobOption, compare
from nworkers.simulator.decide.money import Assignment, Prices, cost_curve
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


def test_an_option_costs_what_its_own_curve_says_at_the_number_that_is_best_for_the_money() -> None:
    rent, work = Prices(price_per_host_hour=2.0), Assignment(10e6, 20 * 3600.0)
    faster = replace(JOB, link="10gbit")
    options = [JobOption("as asked", JOB), JobOption("faster", faster), JobOption("two", JOB, 2)]
    found = compare(options, 8, prices=rent, assignment=work)
    for request, option in zip((JOB, faster), found, strict=False):
        alone = cost_curve(request, 8, prices=rent, assignment=work)
        assert option.spent is not None
        assert option.spent.curve == alone
        kept = [row for row in alone.rows if row.is_in_time] or [
            max(alone.rows, key=lambda row: row.samples_per_s)
        ]
        assert option.spent.at == min(kept, key=lambda row: row.cost or 0.0)
        assert option.row.scenario.workers == option.spent.at.workers
    first, other, two = (option.spent for option in found)
    assert first is not None
    assert other is not None
    assert two is not None
    assert (two.at.workers, two.curve) == (2, None)
    assert first.ratio == 1.0
    assert other.ratio == pytest.approx((other.at.cost or 0.0) / (first.at.cost or 1.0))
    dearer = other.at.hosts / first.at.hosts
    each = np.array(found[1].row.throughput_draws) / np.array(found[0].row.throughput_draws)
    assert other.ratio_interval == pytest.approx(np.quantile(dearer / each, [0.05, 0.95]))


def test_without_prices_an_option_has_hours_and_no_ratio_of_costs() -> None:
    (found,) = compare([JobOption("open", JOB)], 4, assignment=Assignment(1e6))
    assert found.spent is not None
    assert (found.spent.at.cost, found.spent.ratio) == (None, None)
    assert found.row == max((found.curve or breakeven(JOB, 4)).rows, key=lambda r: r.progress_per_s)
    with pytest.raises(InputError, match="deadline"):
        compare([JobOption("open", JOB)], 4, assignment=Assignment(deadline_s=1.0))


def test_an_option_s_own_prices_count_for_it_alone() -> None:
    common, dearer = Prices(price_per_host_hour=2.0), Prices(price_per_host_hour=3.0)
    options = [JobOption("one", JOB, 4), JobOption("dearer", JOB, 4, dearer)]
    first, other = (option.spent for option in compare(options, 4, prices=common))
    assert first is not None
    assert other is not None
    assert (first.ratio, other.ratio) == (1.0, 1.5)
    assert other.ratio_interval == pytest.approx((1.5, 1.5))
    assert other.at.cost_per_hour == pytest.approx(1.5 * (first.at.cost_per_hour or 0.0))
    with pytest.raises(InputError, match="one above 0 for each"):
        compare(options, 4)


def test_other_cards_are_bought_for_owned_hosts_too_and_nothing_is_a_ratio_of_nothing() -> None:
    owned, prices = replace(JOB, baseline="2"), Prices(capex_per_port=876.0, years=1.0)
    wire = replace(owned, link="25gbit")
    options = [JobOption("now", owned, 2), JobOption("more", owned, 4), JobOption("wire", wire, 2)]
    now, more, wired = (of.spent for of in compare(options, 4, prices=prices))
    assert now is not None
    assert more is not None
    assert wired is not None
    assert (now.at.cost_per_hour, now.ratio) == (0.0, None)
    assert more.at.cost_per_hour == pytest.approx(2 * 0.1)
    assert wired.at.cost_per_hour == pytest.approx(3 * 0.1)
    assert wired.ratio is None
