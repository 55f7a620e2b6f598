"""The picture of costs: nothing of it is hidden, and a level's name stands at its line."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from nworkers.cli.plots.cost_plot import costs
from nworkers.cli.plots.style import LARGE, SIZES
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.decide.money import Assignment, CostCurve, Prices, cost_curve
from nworkers.simulator.study.resolve import resolve
from tests.support.pictures import faults

JOB = JobRequest(workload="resnet-50", batch=256)
LONG = "an option of a very long name that no key has room for " * 3
TITLE = "The cheapest: 2 workers, 112 h. One process costs less."


@cache
def curve(most: int, priced: bool, limited: bool) -> CostCurve:
    prices = Prices(price_per_host_hour=3.0 if priced else 0.0)
    limits = {"deadline_s": 6 * 86_400.0, "budget": 2000.0 if priced else None}
    work = Assignment(samples=1e7, **(limits if limited else {}))
    return cost_curve(JOB, most, prices=prices, assignment=work)


def named(name: str, found: CostCurve, dearer: float) -> tuple[str, CostCurve]:
    """A curve of its own under a name."""
    rows = tuple(replace(row, samples_per_s=row.samples_per_s / dearer) for row in found.rows)
    return name, replace(found, rows=rows)


def drawn(names: list[str], size: Any = LARGE, most: int = 16, *asked: bool) -> Any:
    priced, limited = asked or (True, True)
    found = curve(most, priced, limited)
    curves = [named(name, found, 1.0 + 0.3 * k) for k, name in enumerate(names)]
    return costs(curves, TITLE, resolve(JOB, [most]), size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("names", "most", "priced", "limited"),
    [
        (["what is asked"], 16, True, True),
        (["what is asked"], 1, False, False),
        (["what is asked", LONG, "--ps 2"], 16, True, False),
        ([f"--seed {k}" for k in range(9)], 16, False, True),
    ],
)
def test_nothing_is_hidden(
    size: str, names: list[str], most: int, priced: bool, limited: bool
) -> None:
    figure = drawn(names, SIZES[size], most, priced, limited)
    assert not faults(figure)
    assert len(figure.axes) == 1 + priced


def test_a_level_is_named_at_its_line() -> None:
    figure = drawn(["what is asked"])
    heading, below = (" ".join(word.get_text().split()) for word in figure.texts)
    assert heading == "The cheapest: 2 workers"
    assert below.startswith("112 h. One process costs less resnet-50, ps-async, 1 ps")
    levels = {"one process", "budget 2000", "deadline 144 h"}
    for axes in figure.axes:
        named = [word for word in axes.texts if word.get_text() in levels]
        assert len(named) == 2
        for word in named:
            line_y = axes.transData.transform(word.xy)[1]
            box = word.get_window_extent()
            assert min(abs(box.y0 - line_y), abs(box.y1 - line_y)) < 0.15 * figure.dpi
