"""The solver against lmfit, on clean data: the same parameters to 1e-4."""

from __future__ import annotations

from collections.abc import Sequence

import lmfit
import numpy as np
import pytest

from nworkers.models.base.linear import Unknown
from nworkers.models.base.statistics import Floats
from nworkers.models.fitting.log_least_squares import evaluate, solve
from nworkers.models.fitting.observations import Design
from tests.support.machines import MACHINES, Machine


def by_lmfit(x: Floats, y: Floats, largest: Sequence[int], begin: Floats) -> Floats:
    parameters = lmfit.Parameters()
    for k, value in enumerate(np.log(begin)):
        parameters.add(f"p{k}", value=value)

    def residuals(tried: lmfit.Parameters) -> Floats:
        theta = np.exp([tried[f"p{k}"].value for k in range(x.shape[1])])
        return np.asarray(np.log(evaluate(x, theta, largest) / y))

    found = lmfit.minimize(residuals, parameters, method="leastsq", xtol=1e-14, ftol=1e-14)
    return np.array([np.exp(found.params[f"p{k}"].value) for k in range(x.shape[1])])


@pytest.mark.parametrize("maker", range(len(MACHINES)))
@pytest.mark.parametrize("seed", range(3))
def test_clean_data_give_what_lmfit_gives(maker: int, seed: int) -> None:
    machine: Machine = MACHINES[maker](np.random.default_rng((maker, seed)))
    design = Design.of(machine.law, machine.cells)
    names = {unknown: name for name, unknown in machine.law.named(machine.law.record, Unknown)}
    values = [(unknown, machine.values[names[unknown]]) for unknown in design.unknowns]
    true = np.array([1 / value if unknown.rate else value for unknown, value in values])
    y = evaluate(design.x, true, design.largest)
    ours = solve(design.x, y, largest=design.largest).theta
    theirs = by_lmfit(design.x, y, design.largest, true * 1.3)
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert ours == pytest.approx(true, rel=1e-4)
