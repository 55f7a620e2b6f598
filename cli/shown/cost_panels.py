"""Cost panels: what is drawn of money and of hours over numbers of workers, and their limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nworkers.cli.shown import format as fmt

if TYPE_CHECKING:
    from nworkers.models.records.prediction import Interval
    from nworkers.simulator.decide.money import CostCurve, WorkersCost

_MILLION = 1e6


@dataclass(frozen=True)
class CostPanel:
    """A quantity of each number of workers with its interval, and its limit where one is given."""

    label: str
    value: Callable[[WorkersCost], tuple[float, Interval]]
    limit: float | None
    limit_name: str

    def has(self, row: WorkersCost) -> bool:
        """Whether there is anything to draw: a logarithmic axis has no place for nothing."""
        return self.value(row)[0] > 0.0


def panels(found: CostCurve) -> list[CostPanel]:
    """Money, where there are prices, and hours; without samples, of a million."""
    samples = found.assignment.samples or _MILLION
    work = f"{samples:,.0f} samples"
    made = []
    if found.prices.known and any(row.cost_per_million for row in found.rows):
        budget = found.assignment.budget
        told = "" if budget is None else f"budget {fmt.digits(budget)}"
        made.append(CostPanel(f"cost of {work}", _cost_of(samples), budget, told))
    deadline_s = found.assignment.deadline_s
    deadline_h = None if deadline_s is None else deadline_s / 3600.0
    told = "" if deadline_h is None else f"deadline {fmt.digits(deadline_h)} h"
    return [*made, CostPanel(f"hours of {work}", _hours_of(samples), deadline_h, told)]


def _cost_of(samples: float) -> Callable[[WorkersCost], tuple[float, Interval]]:
    def value(row: WorkersCost) -> tuple[float, Interval]:
        each, interval = row.cost_per_million, row.cost_per_million_interval
        assert each is not None
        assert interval is not None
        many = samples / _MILLION
        return many * each, (many * interval[0], many * interval[1])

    return value


def _hours_of(samples: float) -> Callable[[WorkersCost], tuple[float, Interval]]:
    def value(row: WorkersCost) -> tuple[float, Interval]:
        low, high = row.samples_per_s_interval
        each = samples / 3600.0
        return each / row.samples_per_s, (each / high, each / low)

    return value
