"""Money: by hand on a made-up curve, and as by looking at every number of workers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Prediction
from nworkers.simulator.decide.money import (
    Assignment,
    CostCurve,
    Prices,
    checked,
    cost_curve,
    costs_of,
    price_of,
)
from nworkers.simulator.study.ask import breakeven, predict

JOB = JobRequest(workload="resnet-50", batch=64, scaling="weak")
RENT = Prices(price_per_host_hour=2.0)


def test_what_is_bought_is_written_off_and_a_host_alone_needs_no_port() -> None:
    bought = Prices(capex_per_host=8760.0, capex_per_port=876.0, years=2.0)
    assert bought.of_an_hour(1) == pytest.approx(0.5)
    assert bought.of_an_hour(4) == pytest.approx(4 * (0.5 + 0.05))
    both = replace(bought, price_per_host_hour=1.0)
    assert both.of_an_hour(4) == pytest.approx(4 * 1.55)


def test_a_row_s_money_is_its_hosts_and_samples_and_a_ps_has_a_host() -> None:
    found = cost_curve(JOB, 2, prices=RENT, assignment=Assignment(samples=3.6e6))
    row, money = predict(JOB, 2), found.rows[1]
    assert (money.workers, money.hosts) == (2, 3)
    assert money.cost_per_hour == 6.0
    hours = 1000.0 / row.throughput_samples_per_s
    assert money.hours == pytest.approx(hours)
    assert money.cost == pytest.approx(6.0 * hours)
    assert money.cost_per_million == pytest.approx(6.0 * hours / 3.6)
    low, high = row.throughput_samples_per_s_interval
    assert money.hours_interval == pytest.approx((1000.0 / high, 1000.0 / low), rel=0.1)
    assert found.baseline.hosts == 1
    assert found.baseline.samples_per_s == row.baseline_samples_per_s


def test_samples_are_those_of_one_process() -> None:
    work = Assignment(samples=1e6)
    plain = cost_curve(JOB, 2, prices=RENT, assignment=work)
    twice = cost_curve(JOB, 2, prices=RENT, assignment=work, aim=Aim(samples_factor=2.0))
    assert twice.rows[1].hours == pytest.approx(2 * (plain.rows[1].hours or 0.0))
    assert twice.rows[1].cost == pytest.approx(2 * (plain.rows[1].cost or 0.0))
    assert twice.baseline == plain.baseline


def test_workers_that_are_owned_have_their_hosts() -> None:
    found = cost_curve(replace(JOB, baseline="3"), 4, prices=RENT)
    assert found.baseline.hosts == 4
    assert found.baseline.cost_per_million == pytest.approx(found.rows[2].cost_per_million)


BOUGHT = Prices(capex_per_host=8760.0, capex_per_port=876.0, years=1.0)


def test_owned_hosts_are_bought_no_more_and_cost_by_the_hour_as_others() -> None:
    assert BOUGHT.of_an_hour(5, owned=3) == pytest.approx(2 * 1.0 + 2 * 0.1)
    # A host that was alone gets its first port.
    assert BOUGHT.of_an_hour(2, owned=1) == pytest.approx(1.0 + 2 * 0.1)
    assert BOUGHT.of_an_hour(2, owned=3) == 0.0
    assert replace(BOUGHT, new_cards=True).of_an_hour(5, owned=3) == pytest.approx(2 * 1.0 + 0.5)
    assert replace(BOUGHT, price_per_host_hour=2.0).of_an_hour(3, owned=3) == 6.0


def test_of_what_is_there_the_fastest_is_cheapest() -> None:
    found = cost_curve(replace(JOB, baseline="3"), 4, prices=BOUGHT)
    assert [row.cost_per_hour for row in found.rows] == pytest.approx([0.0, 0.0, 0.0, 1.1])
    assert found.baseline.cost_per_hour == 0.0
    assert found.best_cost_workers == 3
    bought = cost_curve(replace(JOB, baseline="device"), 4, prices=BOUGHT)
    assert bought.rows[3].cost_per_hour == pytest.approx(5 * 1.1)


def by_hand(
    request: JobRequest, most: int, prices: Prices, work: Assignment
) -> tuple[CostCurve, CostCurve]:
    """What the search finds, and what looking at every number finds."""
    found = cost_curve(request, most, prices=prices, assignment=work)
    curve = breakeven(request, most)
    every: tuple[Prediction, ...] = predict(request, list(range(1, most + 1)))
    return found, costs_of(replace(curve, rows=every), prices, work)


@pytest.mark.parametrize(
    ("request_", "work"),
    [
        (JOB, Assignment(10e6, 3 * 86_400.0)),
        (JOB, Assignment(10e6, 55 * 3600.0, 2000.0)),
        (JOB, Assignment(10e6, budget=1200.0)),
        (JOB, Assignment(10e6, 3600.0, 1.0)),
        (replace(JOB, workers_per_host=4, link="10gbit"), Assignment(10e6, 30 * 3600.0)),
    ],
)
def test_the_search_is_as_good_as_looking_at_every_number(
    request_: JobRequest, work: Assignment
) -> None:
    found, every = by_hand(request_, 20, RENT, work)
    best, cheapest = (
        min(answer.rows, key=price_of).cost_per_million or 0.0 for answer in (found, every)
    )
    assert best <= 1.01 * cheapest
    assert (found.cheapest is None) == (every.cheapest is None)
    if found.cheapest and every.cheapest and found.fastest and every.fastest:
        assert (found.cheapest.cost or 0.0) <= 1.01 * (every.cheapest.cost or 0.0)
        assert found.fastest.samples_per_s >= 0.99 * every.fastest.samples_per_s
        assert found.cheapest.meets
        assert found.fastest.meets


def test_without_prices_the_fewest_hosts_are_named() -> None:
    found = cost_curve(JOB, 4, assignment=Assignment(1e6, 1e9))
    assert found.cheapest == found.baseline
    assert found.best_cost_workers is None
    assert found.baseline.cost is None


@pytest.mark.parametrize(
    ("prices", "work", "field"),
    [
        (Prices(price_per_host_hour=-1.0), Assignment(), "price_per_host_hour"),
        (Prices(price_per_host_hour=float("nan")), Assignment(), "price_per_host_hour"),
        (Prices(capex_per_host=1.0), Assignment(), "capex_per_host"),
        (Prices(years=3.0), Assignment(), "years"),
        (Prices(capex_per_host=1.0, years=0.0), Assignment(), "years"),
        (RENT, Assignment(deadline_s=1.0), "deadline"),
        (RENT, Assignment(budget=1.0), "budget"),
        (RENT, Assignment(samples=0.0), "samples"),
        (RENT, Assignment(samples=1.0, budget=0.0), "budget"),
        (Prices(), Assignment(samples=1.0, budget=1.0), "budget"),
    ],
)
def test_what_makes_no_sense_is_refused(prices: Prices, work: Assignment, field: str) -> None:
    with pytest.raises(InputError) as refused:
        checked(prices, work)
    assert refused.value.field == field
